/// The table of keys in `docs/configuration.md`, made from ``ConfigurationKey/all`` so that it cannot be out of date.
public enum ConfigurationTable {
    /// The table as Markdown, one row a key, with a line break at its end.
    public static func markdown() -> String {
        let head = ["Key", "Default", "Range", "Unit", "Environment", "What it does"]
        let rows = ConfigurationKey.all.map { key in
            [
                "`\(key.path)`", defaultText(key), key.rangeText, key.unitText,
                key.environmentName.map { "`\($0)`" } ?? "", key.summary,
            ]
        }
        return ([head, head.map { _ in "---" }] + rows)
            .map { cells in "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n" }
            .joined()
    }

    private static func defaultText(_ key: ConfigurationKey) -> String {
        switch key.defaultText {
        case nil: "required"
        case ""?: "none"
        case let text?: text.contains(" ") ? text : "`\(text)`"
        }
    }
}
