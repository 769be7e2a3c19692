import StreamSink

extension RequestFields {
    /// Letters, digits, `_`, `.` and `-`: names of streams and devices.
    static func isNameByte(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || "_.-".utf8.contains(byte)
    }

    /// `StreamARN` or `StreamName`; one must be there, and only one.
    func stream(arnOnly: Bool = false) throws(ServiceError) -> StreamReference {
        let arn = try text("StreamARN", longest: 1024)
        let name = arnOnly ? nil : try text("StreamName", longest: 256, allowed: Self.isNameByte)
        switch (arn, name) {
        case (let arn?, nil): return .arn(arn)
        case (nil, let name?): return .name(name)
        case (.some, .some):
            throw .invalidArgument("Give StreamName or StreamARN, not both.")
        case (nil, nil):
            throw arnOnly ? missing("StreamARN") : .invalidArgument("Give StreamName or StreamARN.")
        }
    }

    /// Tags as `{"name": "value"}`: 1 to 50, names of 1 to 128 characters, values of at most 256.
    func streamTags(_ map: [String: String]?) throws(ServiceError) -> [String: String]? {
        guard let map else { return nil }
        guard (1...50).contains(map.count) else {
            throw .validation("1 validation error detected: Tags must have 1 to 50 members.")
        }
        for (name, value) in map where !(1...128).contains(name.count) || value.count > 256 {
            throw .validation(
                "1 validation error detected: Tags: a name has 1 to 128 characters and a value at most 256; "
                    + "'\(name.prefix(40))' is another.")
        }
        return map
    }

    /// Tags as `[{"Key": "name", "Value": "value"}]`, as in the operations for any resource.
    func resourceTags() throws(ServiceError) -> [String: String] {
        guard let list = try list("Tags", 1...50) else { throw missing("Tags") }
        var map: [String: String] = [:]
        for tag in list {
            guard let key = tag["Key"]?.stringValue, let value = tag["Value"]?.stringValue else {
                throw .validation("1 validation error detected: each of Tags must have a Key and a Value.")
            }
            map[key] = value
        }
        return try streamTags(map) ?? [:]
    }
}

extension StreamInformation {
    /// The stream as `StreamInfo`.
    var json: JSONValue {
        var members: [JSONValue.Member] = []
        if let deviceName { members.append(.init("DeviceName", .string(deviceName))) }
        members.append(.init("StreamName", .string(name)))
        members.append(.init("StreamARN", .string(arn)))
        if let mediaType { members.append(.init("MediaType", .string(mediaType))) }
        members.append(.init("KmsKeyId", .string(kmsKeyID ?? "alias/aws/kinesisvideo")))
        members.append(.init("Version", .string(version)))
        members.append(.init("Status", .string(status.rawValue)))
        members.append(.init("CreationTime", .epochSeconds(createdAtMilliseconds)))
        members.append(.init("DataRetentionInHours", .integer(Int64(retentionHours))))
        return .object(members)
    }
}

extension JSONValue {
    /// A time as Kinesis Video Streams writes it: seconds since 1970 with milliseconds as the fraction.
    static func epochSeconds(_ milliseconds: Int64) -> JSONValue { .decimal(Double(milliseconds) / 1000) }
}
