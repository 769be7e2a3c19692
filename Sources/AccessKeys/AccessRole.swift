/// What a request wants to do, as far as permission goes.
public enum AccessAction: String, Sendable, Hashable, CaseIterable {
    /// List and describe streams, fragments and endpoints.
    case listStreams
    /// Events of calls, live or kept.
    case readEvents
    /// Hear audio, live or kept: GetMedia, clips, HLS, listening.
    case readMedia
    /// Call and streaming detail records.
    case readRecords
    /// Search for calls.
    case search
    /// Export what is known of calls, without their audio.
    case exportMetadata
    /// PutMedia.
    case writeMedia
    /// Create, change, tag and delete streams.
    case manageStreams
    /// Create, change and delete connectors and their settings.
    case manageConnectors
}

/// What an access key is for.
public enum AccessRole: String, Sendable, Hashable, CaseIterable, Codable {
    /// Everything.
    case admin
    /// Reads media and lists streams and events: transcribers and players.
    case consumer
    /// Reads records, searches and exports metadata. Hears nothing and changes nothing.
    case auditor

    /// Whether a key of this role may.
    public func allows(_ action: AccessAction) -> Bool {
        switch (self, action) {
        case (.admin, _): true
        case (.consumer, .listStreams), (.consumer, .readEvents), (.consumer, .readMedia): true
        case (.auditor, .listStreams), (.auditor, .readEvents), (.auditor, .readRecords), (.auditor, .search),
            (.auditor, .exportMetadata):
            true
        // Without a default, so that a new action is decided on for each role.
        case (.consumer, .readRecords), (.consumer, .search), (.consumer, .exportMetadata), (.consumer, .writeMedia),
            (.consumer, .manageStreams), (.consumer, .manageConnectors), (.auditor, .readMedia),
            (.auditor, .writeMedia), (.auditor, .manageStreams), (.auditor, .manageConnectors):
            false
        }
    }
}
