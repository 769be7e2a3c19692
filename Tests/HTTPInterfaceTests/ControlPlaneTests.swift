import Testing

@testable import HTTPInterface
@testable import StreamSink

@Suite("The control plane of Kinesis Video Streams", .serialized)
struct ControlPlaneTests {
    @Test("A stream is made, described, changed, tagged and deleted")
    func life() async throws {
        try await RunningInterface.run { interface in
            let made = try await interface.post(
                "/createStream",
                #"{"StreamName":"front-door_1.a","MediaType":"audio/L16","DeviceName":"d","DataRetentionInHours":2,"Tags":{"a":"b"},"Unknown":[{}]}"#
            )
            #expect(made.status == 200)
            let arn = try #require(made.json["StreamARN"]?.stringValue)
            #expect(arn.hasPrefix("arn:aws:kinesisvideo:us-east-1:111122223333:stream/front-door_1.a/"))

            let described = try await interface.post("/describeStream", #"{"StreamARN":"\#(arn)"}"#)
            let info = try #require(described.json["StreamInfo"])
            #expect(info["StreamName"]?.stringValue == "front-door_1.a")
            #expect(info["StreamARN"]?.stringValue == arn)
            #expect(info["MediaType"]?.stringValue == "audio/L16")
            #expect(info["DeviceName"]?.stringValue == "d")
            #expect(info["Status"]?.stringValue == "ACTIVE")
            #expect(info["DataRetentionInHours"]?.integerValue == 2)
            #expect((info["CreationTime"]?.decimalValue ?? 0) > 1_600_000_000)
            let version = try #require(info["Version"]?.stringValue)

            let wrong = try await interface.post(
                "/updateStream", #"{"StreamName":"front-door_1.a","CurrentVersion":"none","DeviceName":"e"}"#)
            #expect(wrong.errorType == "VersionMismatchException")
            let changed = try await interface.post(
                "/updateStream", #"{"StreamName":"front-door_1.a","CurrentVersion":"\#(version)","DeviceName":"e"}"#)
            #expect(changed.status == 200)
            #expect(changed.text == "{}")
            let stream = try interface.library.stream(.name("front-door_1.a"))
            #expect(stream.deviceName == "e")
            #expect(stream.version != version)

            let longer = try await interface.post(
                "/updateDataRetention",
                #"{"StreamARN":"\#(arn)","CurrentVersion":"\#(stream.version)","Operation":"INCREASE_DATA_RETENTION","DataRetentionChangeInHours":3}"#
            )
            #expect(longer.status == 200)
            let after = try interface.library.stream(.arn(arn))
            #expect(after.retentionHours == 5)
            let shorter = try await interface.post(
                "/updateDataRetention",
                #"{"StreamARN":"\#(arn)","CurrentVersion":"\#(after.version)","Operation":"DECREASE_DATA_RETENTION","DataRetentionChangeInHours":9}"#
            )
            #expect(shorter.errorType == "InvalidArgumentException")

            #expect(
                try await interface.post("/tagStream", #"{"StreamName":"front-door_1.a","Tags":{"c":"d"}}"#).status
                    == 200)
            #expect(
                try await interface.post(
                    "/TagResource", #"{"ResourceARN":"\#(arn)","Tags":[{"Key":"e","Value":"f"}]}"#
                ).status == 200)
            let tags = try await interface.post("/listTagsForStream", #"{"StreamARN":"\#(arn)"}"#)
            #expect(tags.json["Tags"]?.text == #"{"a":"b","c":"d","e":"f"}"#)
            #expect(
                try await interface.post("/untagStream", #"{"StreamName":"front-door_1.a","TagKeyList":["a","no"]}"#)
                    .status == 200)
            #expect(
                try await interface.post("/UntagResource", #"{"ResourceARN":"\#(arn)","TagKeyList":["c"]}"#).status
                    == 200)
            let rest = try await interface.post("/ListTagsForResource", #"{"ResourceARN":"\#(arn)"}"#)
            #expect(rest.json["Tags"]?.text == #"{"e":"f"}"#)

            #expect(try await interface.post("/deleteStream", #"{"StreamARN":"\#(arn)"}"#).status == 200)
            let gone = try await interface.post("/describeStream", #"{"StreamARN":"\#(arn)"}"#)
            #expect(gone.status == 404)
            #expect(gone.errorType == "ResourceNotFoundException")
        }
    }

    @Test("Streams are listed in pages, by the beginning of their names")
    func list() async throws {
        try await RunningInterface.run { interface in
            for index in 0..<5 { try interface.makeStream("b-\(index)", fragments: 0) }
            try interface.makeStream("a-0", fragments: 0)
            let condition = #""StreamNameCondition":{"ComparisonOperator":"BEGINS_WITH","ComparisonValue":"b-"}"#
            var names: [String] = []
            var token = ""
            repeat {
                let page = try await interface.post("/listStreams", "{\"MaxResults\":2,\(condition)\(token)}")
                let streams = try #require(page.json["StreamInfoList"]?.arrayValue)
                #expect(streams.count <= 2)
                names += streams.compactMap { $0["StreamName"]?.stringValue }
                token = page.json["NextToken"]?.stringValue.map { ",\"NextToken\":\"\($0)\"" } ?? ""
            } while !token.isEmpty
            #expect(names == (0..<5).map { "b-\($0)" })
            let all = try await interface.post("/listStreams", "")
            #expect(all.json["StreamInfoList"]?.arrayValue?.count == 6)
            #expect(all.json["NextToken"] == nil)
            let foreign = try await interface.post("/listStreams", #"{"NextToken":"x"}"#)
            #expect(foreign.errorType == "InvalidArgumentException")
        }
    }

    @Test(
        "What the model forbids is refused in its words",
        arguments: [
            ("/createStream", "{}", "ValidationException"),
            ("/createStream", #"{"StreamName":"a b"}"#, "ValidationException"),
            ("/createStream", #"{"StreamName":17}"#, "SerializationException"),
            ("/createStream", #"{"StreamName":"x","DataRetentionInHours":"2"}"#, "SerializationException"),
            ("/createStream", #"{"StreamName":"x","Tags":["a"]}"#, "SerializationException"),
            ("/createStream", #"{"StreamName":"x","Tags":{"a":1}}"#, "SerializationException"),
            ("/listStreams", #"{"MaxResults":true}"#, "SerializationException"),
            ("/listStreams", #"{"StreamNameCondition":"x"}"#, "SerializationException"),
            ("/untagStream", #"{"StreamName":"s","TagKeyList":"a"}"#, "SerializationException"),
            (
                "/updateDataRetention", #"{"StreamName":"s","CurrentVersion":"v","Operation":1}"#,
                "SerializationException"
            ),
            ("/createStream", #"{"StreamName":"../../etc"}"#, "ValidationException"),
            ("/createStream", #"{"StreamName":"x","DataRetentionInHours":-1}"#, "ValidationException"),
            ("/createStream", #"{"StreamName":"x","DataRetentionInHours":1.5}"#, "ValidationException"),
            (
                "/createStream", #"{"StreamName":"x","DataRetentionInHours":99999999999999999999}"#,
                "ValidationException"
            ),
            ("/createStream", #"{"StreamName":"x","Tags":{}}"#, "ValidationException"),
            ("/createStream", #"{"StreamName":"s"}"#, "ResourceInUseException"),
            ("/createStream", #"{"StreamName":"x","MediaType":"nonsense"}"#, "InvalidArgumentException"),
            ("/describeStream", "{}", "InvalidArgumentException"),
            ("/describeStream", #"{"StreamName":"s","StreamARN":"arn"}"#, "InvalidArgumentException"),
            ("/describeStream", #"{"StreamARN":"arn:aws:s3:::x"}"#, "ResourceNotFoundException"),
            ("/deleteStream", "{}", "ValidationException"),
            ("/listStreams", #"{"MaxResults":0}"#, "ValidationException"),
            ("/listStreams", #"{"MaxResults":10001}"#, "ValidationException"),
            ("/updateStream", #"{"StreamName":"s"}"#, "ValidationException"),
            (
                "/updateDataRetention", #"{"StreamName":"s","CurrentVersion":"v","Operation":"X"}"#,
                "ValidationException"
            ),
            ("/tagStream", #"{"StreamName":"s"}"#, "ValidationException"),
            ("/TagResource", #"{"ResourceARN":"arn","Tags":[{"Key":"a"}]}"#, "ValidationException"),
            ("/getDataEndpoint", #"{"StreamName":"s"}"#, "ValidationException"),
            ("/getDataEndpoint", #"{"StreamName":"no","APIName":"GET_MEDIA"}"#, "ResourceNotFoundException"),
            ("/noSuchOperation", "{}", "UnknownOperationException"),
        ])
    func refusals(_ path: String, _ body: String, _ type: String) async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 0)
            let answer = try await interface.post(path, body)
            #expect(answer.errorType == type, "\(answer.text)")
            #expect(answer.status == 400 || answer.status == 404)
        }
    }

    @Test("The data endpoint is the public URL, or what the client itself reached")
    func endpoint() async throws {
        let body = #"{"StreamName":"s","APIName":"GET_MEDIA"}"#
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 0)
            let answer = try await interface.post("/getDataEndpoint", body)
            #expect(answer.json["DataEndpoint"]?.stringValue == "http://127.0.0.1:\(interface.port)")
        }
        try await RunningInterface.run(publicURL: "https://recorder.example/") { interface in
            try interface.makeStream("s", fragments: 0)
            let answer = try await interface.post("/getDataEndpoint", body)
            #expect(answer.json["DataEndpoint"]?.stringValue == "https://recorder.example")
        }
    }

    @Test("The health page needs no signature and allows no other origin")
    func health() async throws {
        try await RunningInterface.run(signed: true) { interface in
            let answer = try await interface.get("/health")
            #expect(answer.status == 200)
            #expect(answer.text == #"{"status":"ok"}"#)
            #expect(answer.headers["access-control-allow-origin"] == nil)
        }
    }
}
