import AccessKeys
import Testing

@Suite("What roles may do")
struct AccessRoleTests {
    static let allowed: [AccessRole: Set<AccessAction>] = [
        .admin: Set(AccessAction.allCases),
        .consumer: [.listStreams, .readEvents, .readMedia],
        .auditor: [.listStreams, .readEvents, .readRecords, .search, .exportMetadata],
    ]

    @Test(
        "An admin everything, a consumer what it needs to hear, an auditor what is known of calls",
        arguments: AccessRole.allCases, AccessAction.allCases)
    func table(role: AccessRole, action: AccessAction) throws {
        #expect(role.allows(action) == (try #require(Self.allowed[role]).contains(action)))
    }
}
