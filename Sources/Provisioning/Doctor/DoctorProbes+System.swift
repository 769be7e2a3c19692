import Foundation
import Glibc

extension DoctorProbes {
    /// The probes of this machine. Binding and name look-ups block the calling thread.
    public static func system(tlsFailure: ((String, String) -> String?)? = nil) -> DoctorProbes {
        DoctorProbes(
            bind: { address, port, kind in SocketProbe.bindFailure(address, port, kind) },
            // The service raises its soft limit to the hard one when it starts, so the hard one counts.
            openFileLimit: OpenFileLimit.hard,
            receiveBufferLimit: { number(in: "/proc/sys/net/core/rmem_max") },
            ringRestriction: { number(in: "/proc/sys/kernel/io_uring_disabled") },
            coreCount: { ProcessInfo.processInfo.activeProcessorCount },
            resolve: { SocketProbe.addresses(of: $0) },
            localAddresses: { SocketProbe.interfaceAddresses() },
            contents: { path in
                guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
                defer { try? handle.close() }
                // A certificate chain is a few kilobytes; the bound keeps a wrong path such as /dev/zero harmless.
                guard let data = try? handle.read(upToCount: 1 << 20) else { return nil }
                return Array(data)
            },
            permissions: { path in
                let attributes = try? FileManager.default.attributesOfItem(atPath: path)
                return (attributes?[.posixPermissions] as? NSNumber)?.uint32Value
            },
            canWrite: { path in
                FileManager.default.isWritableFile(atPath: nearestExisting(path))
            },
            freeBytes: { path in
                var status = statvfs()
                guard statvfs(nearestExisting(path), &status) == 0 else { return nil }
                let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
                return overflow ? nil : bytes
            },
            hasProgram: { name in
                let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
                return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
            },
            tlsFailure: tlsFailure,
            now: { Int64(time(nil)) }
        )
    }

    /// A number that the kernel shows in a file.
    private static func number(in path: String) -> Int? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// A path, or the nearest folder above it that exists.
    private static func nearestExisting(_ path: String) -> String {
        var path = path
        while !FileManager.default.fileExists(atPath: path) {
            let above = (path as NSString).deletingLastPathComponent
            if above.isEmpty || above == path { return above.isEmpty ? "." : above }
            path = above
        }
        return path
    }
}
