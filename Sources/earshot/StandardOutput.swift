import Foundation

/// Lines that scripts wait for: written at once, also into a pipe.
enum StandardOutput {
    static func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
