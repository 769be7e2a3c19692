extension Doctor {
    /// Whether the folder of streams and records can be used, and is private.
    func dataFolder() -> DoctorFinding {
        let check = "data.folder"
        let path = configuration.data
        guard probes.canWrite(path) else {
            return finding(
                check, .problem, "\(path) cannot be written by this user",
                "`chown` it to the user who runs the service, or change data")
        }
        guard let mode = probes.permissions(path) else {
            return finding(check, .ok, "\(path) will be made when the service starts")
        }
        guard mode & 0o077 == 0 else {
            return finding(
                check, .warning, "\(path) is open to other users of this machine, and holds people's calls",
                "`chmod 700 \(path)`")
        }
        return finding(check, .ok, "\(path) can be written, and by its owner only")
    }

    /// Whether the disk has room. An hour of a stream has 8000 × 2 × 3600 bytes of audio.
    func freeSpace() -> DoctorFinding {
        let check = "data.space"
        guard let free = probes.freeBytes(configuration.data) else {
            return finding(check, .warning, "the free space below \(configuration.data) is not known", "check the path")
        }
        let hours = free / (8000 * 2 * 3600 * 2)
        let message = "\(free / (1 << 20)) MiB are free, about \(hours) hours of calls with two streams"
        let remedy = "free some space, or set data to a larger disk"
        if free < 64 << 20 { return finding(check, .problem, message, remedy) }
        if free < 2 << 30 { return finding(check, .warning, message, remedy) }
        return finding(check, .ok, message)
    }

    /// The service does not need it; people who look at streams do.
    func ffmpeg() -> DoctorFinding {
        let check = "tools.ffmpeg"
        guard !probes.hasProgram("ffmpeg") || !probes.hasProgram("ffprobe") else {
            return finding(check, .ok, "ffmpeg and ffprobe are here")
        }
        return finding(
            check, .ok, "ffmpeg is not installed; the service does not need it, `make demo` and `make test` do",
            "`apt-get install ffmpeg` if you want to look at streams with it")
    }
}
