import Addressing

extension Doctor {
    /// Whether peers can find this node under the address that they are told.
    func address() -> DoctorFinding {
        let check = "address.advertised"
        let name = configuration.node.advertisedAddress
        let literal = IPAddress(parsing: name)
        let addresses = literal.map { [$0] } ?? probes.resolve(name)
        guard !addresses.isEmpty else {
            return finding(
                check, .problem, "\(name) does not resolve",
                "add it to DNS, or set node.advertisedAddress to an address")
        }
        let shown = literal == nil ? "\(name) (\(addresses.map(\.description).joined(separator: ", ")))" : name
        if addresses.allSatisfy(\.isLoopback) {
            let onlyLocal = configuration.connectors.allSatisfy { connector in
                connector.termination.cidrAllowedList.allSatisfy(\.network.isLoopback)
            }
            guard !onlyLocal else {
                return finding(check, .ok, "\(shown) is for this machine only, as are the connectors")
            }
            return finding(
                check, .problem, "\(shown) is for this machine only, and connectors allow other sources",
                "set node.advertisedAddress to the address under which they reach this node, or no audio will come")
        }
        let local = probes.localAddresses()
        guard addresses.contains(where: local.contains) else {
            return finding(
                check, .warning, "\(shown) is no address of this machine",
                "that is right behind address translation; check that it passes on the SIP ports and the UDP ports "
                    + "\(configuration.media.ports) unchanged")
        }
        return finding(check, .ok, "\(shown) is an address of this machine")
    }
}
