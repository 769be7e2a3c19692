/// Keeps one session's file from being deleted by retention, for as long as it lives.
public final class SessionHold: Sendable {
    private let shelf: StreamShelf
    /// The session's file.
    public let path: String

    init?(shelf: StreamShelf, path: String) {
        guard shelf.hold(path) else { return nil }
        self.shelf = shelf
        self.path = path
    }

    deinit { shelf.release(path) }
}

extension StreamLibrary {
    /// Holds a session until the answer is released: for who still has to copy it. `nil` when it is gone or going.
    public func hold(_ reference: StreamReference, session: SessionFileName) throws(StreamLibraryError) -> SessionHold?
    {
        let path = path(try shelf.description(reference).name, session)
        guard let hold = SessionHold(shelf: shelf, path: path), FileContents.status(path) != nil else { return nil }
        return hold
    }
}
