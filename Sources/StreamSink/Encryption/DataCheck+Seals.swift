extension DataCheck {
    /// What of an encrypted file is not what was written, by its seals. The session's findings say which fragments it
    /// costs.
    static func sealFindings(
        _ source: SessionBytes, stream: String, path: String
    ) throws(FileError) -> [VerificationFinding] {
        let damage: [SealDamage]
        do throws(FileError) { damage = try source.sealDamage() } catch {
            // Told already, by the first read.
            if error.code == FileError.missingKeyCode || error.code == FileError.damagedSealCode { return [] }
            throw error
        }
        return damage.map { damage in
            var finding = VerificationFinding(
                .damagedBytes, streamName: stream, path: path,
                detail: "encrypted: \(damage.detail), at byte \(damage.place) of the file as it lies on the disk")
            finding.offset = damage.offset
            finding.bytes = damage.bytes
            return finding
        }
    }
}
