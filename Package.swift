// swift-tools-version: 6.3
import PackageDescription

// Every library target is checked as strictly as the compiler allows.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
]
// Pure protocol code: every unsafe use must be marked, and is easy to find.
let pure: [SwiftSetting] = strict + [.strictMemorySafety()]
// MediaCore hands out spans of its own storage; their lifetimes need the one experimental flag of this package.
let spans: [SwiftSetting] = pure + [.enableExperimentalFeature("Lifetimes")]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "earshot",
    products: [.executable(name: "earshot", targets: ["earshot"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // Pure: no sockets, no clocks, no I/O.
        .target(name: "Addressing", swiftSettings: pure),
        .target(name: "SIP", dependencies: [crypto], swiftSettings: pure),
        .target(name: "SDP", swiftSettings: pure),
        .target(name: "SIPREC", dependencies: ["SDP"], swiftSettings: pure),
        .systemLibrary(name: "COpus", pkgConfig: "opus", providers: [.apt(["libopus-dev"])]),
        .target(name: "MediaCore", dependencies: ["COpus"], swiftSettings: spans),
        .target(name: "RequestSigning", dependencies: [crypto], swiftSettings: pure),

        // I/O.
        .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CCertificate", dependencies: ["CLibCrypto"]),
        .target(name: "CMediaSockets"),
        .target(name: "CMediaRing", linkerSettings: [.linkedLibrary("uring")]),
        .target(name: "CSRTPCipher", dependencies: ["CLibCrypto"]),
        .target(name: "SecureMedia", dependencies: ["CSRTPCipher"], swiftSettings: strict),
        .target(
            name: "MediaEngine", dependencies: ["MediaCore", "SecureMedia", "CMediaSockets", "CMediaRing"],
            swiftSettings: strict),
        .target(name: "CChecksum"),
        .target(
            name: "StreamSink", dependencies: ["CChecksum", "CLibCrypto", logging, deque],
            swiftSettings: strict),
        .target(
            name: "CAVFormat",
            linkerSettings: [
                .linkedLibrary("avformat"), .linkedLibrary("avcodec"), .linkedLibrary("avutil"),
                .linkedLibrary("swresample"),
            ]),
        .target(
            name: "AudioExport", dependencies: ["StreamSink", "CallArchive", "MediaCore", "COpus", "CAVFormat"],
            swiftSettings: strict),
        .target(name: "CallArchive", dependencies: ["StreamSink", grdb], swiftSettings: strict),
        .target(name: "AccessKeys", swiftSettings: strict),
        .target(
            name: "HTTPInterface",
            dependencies: [
                "StreamSink", "RequestSigning", "AccessKeys", hummingbird, hummingbirdTLS, httpTypes, nioHTTPTypes,
                nioHTTP1, nioWebSocket, nioCore, nioPosix, nioSSL, logging, lifecycle, crypto,
            ],
            swiftSettings: strict),
        .target(
            name: "Delivery",
            dependencies: [
                "StreamSink", "RequestSigning", httpClient, nioCore, nioHTTP1, nioPosix, nioSSL, deque, logging,
                lifecycle, crypto,
            ],
            swiftSettings: strict),
        .target(
            name: "UserAgent", dependencies: ["Addressing", "SIP", "CCertificate", nioCore, nioPosix, nioSSL, logging],
            swiftSettings: strict),
        .target(name: "Provisioning", dependencies: ["Addressing", logging, yams], swiftSettings: strict),

        // Wiring.
        .target(
            name: "Recorder",
            dependencies: [
                "Addressing", "SIP", "SDP", "SIPREC", "MediaCore", "SecureMedia", "MediaEngine", "StreamSink",
                "UserAgent", logging,
            ],
            swiftSettings: strict),
        .target(name: "CPacedSender"),
        .target(
            name: "RecordingClient",
            dependencies: [
                "Addressing", "SIP", "SDP", "SIPREC", "MediaCore", "SecureMedia", "UserAgent", "CPacedSender", nioPosix,
                logging,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "earshot",
            dependencies: [
                "Addressing", "SIP", "SDP", "SIPREC", "MediaCore", "SecureMedia", "MediaEngine", "StreamSink",
                "UserAgent",
                "Provisioning", "Recorder", "RecordingClient", "RequestSigning", "AccessKeys", "HTTPInterface",
                "Delivery",
                "AudioExport", "CallArchive", nioCore, nioPosix, nioSSL, logging, lifecycle, signals, arguments,
            ],
            swiftSettings: strict),

        // What Benchmarks/bench.py measures without calls: bridges, ciphers, allocations.
        .executableTarget(
            name: "media-bench",
            dependencies: [
                "MediaEngine", "MediaCore", "SecureMedia", "StreamSink", "CLibSRTP", "CAllocationCounter",
            ],
            path: "Benchmarks/MediaBench", swiftSettings: strict),
        // The floor of its `catch-up`.
        .executableTarget(
            name: "file-server", dependencies: [hummingbird, nioCore, logging], path: "Benchmarks/FileServer",
            swiftSettings: strict),

        // Debian's libsrtp2 is the oracle of the SRTP tests, and nothing else.
        .systemLibrary(name: "CLibSRTP", pkgConfig: "libsrtp2", providers: [.apt(["libsrtp2-dev"])]),
        .testTarget(name: "SecureMediaTests", dependencies: ["SecureMedia", "CLibSRTP"]),
        .testTarget(name: "SIPTests", dependencies: ["SIP"]),
        .testTarget(name: "SDPTests", dependencies: ["SDP"]),
        .testTarget(name: "SIPRECTests", dependencies: ["SIPREC", "SDP"]),
        .testTarget(name: "MediaCoreTests", dependencies: ["MediaCore", "COpus"]),
        .testTarget(name: "Simulation", dependencies: ["MediaCore", "StreamSink"], path: "Tests/Simulation"),
        // Counts what is allocated, by standing in for malloc in the test program.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .testTarget(
            name: "MediaEngineTests",
            dependencies: [
                "MediaEngine", "MediaCore", "SecureMedia", "StreamSink", "CMediaSockets", "CMediaRing",
                "CAllocationCounter", logging,
            ]),
        .testTarget(name: "StreamSinkTests", dependencies: ["StreamSink", logging]),
        .testTarget(
            name: "UserAgentTests",
            dependencies: ["UserAgent", "Addressing", "SIP", nioCore, nioPosix, nioSSL, logging]),
        .testTarget(
            name: "RecordingClientTests",
            dependencies: [
                "RecordingClient", "Addressing", "SIP", "SDP", "SIPREC", "MediaCore", "SecureMedia", "UserAgent",
                "CPacedSender", nioPosix, logging,
            ]),
        .testTarget(
            name: "RecorderTests",
            dependencies: [
                "Recorder", "SDP", "SIPREC", "SecureMedia", "MediaCore", "MediaEngine", "StreamSink", logging,
            ]),
        .testTarget(name: "RequestSigningTests", dependencies: ["RequestSigning", crypto]),
        .testTarget(name: "AccessKeysTests", dependencies: ["AccessKeys"]),
        .testTarget(
            name: "HTTPInterfaceTests",
            dependencies: [
                "HTTPInterface", "StreamSink", "RequestSigning", "AccessKeys", logging, lifecycle, hummingbird,
            ]),
        .testTarget(
            name: "DeliveryTests",
            dependencies: ["Delivery", "StreamSink", nioCore, nioHTTP1, nioPosix, logging, lifecycle, crypto]),
        .testTarget(
            name: "AudioExportTests", dependencies: ["AudioExport", "CallArchive", "StreamSink", "MediaCore", logging]),
        .testTarget(name: "CallArchiveTests", dependencies: ["CallArchive", "StreamSink", logging, grdb]),
        .testTarget(name: "AddressingTests", dependencies: ["Addressing"]),
        .testTarget(name: "ProvisioningTests", dependencies: ["Provisioning", "Addressing", yams]),
    ],
    swiftLanguageModes: [.v6]
)
