import Glibc

/// `fuzz TARGET [libFuzzer's options]`, or `fuzz --seeds TARGET FOLDER`, or `fuzz --targets`.
///
/// With FUZZ_PLANT=1 in the environment each target has a defect of its own, so that a fuzzer that is blind is noticed.
@main
enum FuzzCommand {
    static var targets: [String: any FuzzTarget.Type] {
        [
            "rtp": RTPTarget.self,
            "rtcp": RTCPTarget.self,
            "srtp": SRTPTarget.self,
            "udptl": UDPTLTarget.self,
            "jitterbuffer": JitterBufferTarget.self,
            "relay": RelayTarget.self,
            "g722": G722Target.self,
            "opus": OpusTarget.self,
        ]
    }
    // Set before the driver starts its one thread, never changed afterwards.
    nonisolated(unsafe) static var chosen: any FuzzTarget.Type = RTPTarget.self

    static func main() {
        let words = CommandLine.arguments
        if words.count == 2, words[1] == "--targets" {
            print(targets.keys.sorted().joined(separator: "\n"))
            return
        }
        if words.count == 4, words[1] == "--seeds", let target = targets[words[2]] {
            for (number, seed) in target.seeds.enumerated() { write(seed, to: "\(words[3])/own-\(number)") }
            return
        }
        guard words.count >= 2, let target = targets[words[1]] else {
            say("usage: fuzz TARGET [options of libFuzzer]; targets: \(targets.keys.sorted())")
            exit(2)
        }
        chosen = target
        var count = CommandLine.argc - 1
        var arguments = CommandLine.unsafeArgv + 1
        exit(
            runDriver(&count, &arguments) { start, count in
                FuzzCommand.chosen.run(UnsafeRawBufferPointer(start: start, count: count))
                return 0
            })
    }

    private static func write(_ octets: [UInt8], to path: String) {
        guard let file = fopen(path, "w") else { return }
        octets.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
        fclose(file)
    }
}

/// libFuzzer's loop (llvm/docs/LibFuzzer.rst, "Using libFuzzer as a library").
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
