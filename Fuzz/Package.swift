// swift-tools-version: 6.3
import PackageDescription

// The pure targets once more, built with the instrumentation of libFuzzer: a package of its own, so that it needs no
// dependency and builds in seconds. Sources/<Target> are symbolic links. `./run` builds and runs it; it names the
// toolchain's libFuzzer in FUZZER_RUNTIME.
let coverage: [SwiftSetting] = [
    .unsafeFlags(["-sanitize=fuzzer"]), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let spans: [SwiftSetting] = coverage + [.enableExperimentalFeature("Lifetimes")]
let coverageInC: [CSetting] = [.unsafeFlags(["-fsanitize=fuzzer-no-link"])]
let runtime = Context.environment["FUZZER_RUNTIME"] ?? "libclang_rt.fuzzer_no_main-x86_64.a"

let package = Package(
    name: "fuzz",
    targets: [
        .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CSRTPCipher", dependencies: ["CLibCrypto"], cSettings: coverageInC),
        .target(name: "SecureMedia", dependencies: ["CSRTPCipher"], swiftSettings: coverage),
        .systemLibrary(name: "COpus", pkgConfig: "opus", providers: [.apt(["libopus-dev"])]),
        .target(name: "MediaCore", dependencies: ["COpus"], swiftSettings: spans),
        .executableTarget(
            name: "Fuzzing", dependencies: ["MediaCore", "SecureMedia"], swiftSettings: spans,
            linkerSettings: [.unsafeFlags([runtime]), .linkedLibrary("stdc++")]),
    ],
    swiftLanguageModes: [.v6]
)
