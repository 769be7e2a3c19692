import GRDB

extension Database {
    /// Runs one statement, which SQLite compiles the first time only: a busy service writes the same few for every call.
    func run(sql: String, arguments: StatementArguments = StatementArguments()) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
