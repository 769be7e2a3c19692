extension ListeningPage {
    /// The script: loads the call, draws it, and plays it through a `MediaSource`.
    static let script = #"""
        "use strict";
        const transaction = location.pathname.split("/").filter(Boolean).pop() || "";
        // The token is in the fragment, which browsers send nowhere; from here it goes into a header.
        const token = location.hash.slice(1);
        const base = new URL(transaction + "/", location.href).href.split("#")[0];
        const element = (id) => document.getElementById(id);
        const audio = element("audio");
        const CHUNK = 30000, AHEAD = 20000, LEAD = 200, STEP = 50;
        let call, length = 0, follow = false, legs = [];
        const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
        const state = (name) => { document.body.dataset.state = name; };

        function clock(ms) {
          const s = Math.max(0, Math.floor(ms / 1000)), two = (n) => String(n).padStart(2, "0");
          return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
            : `${Math.floor(s / 60)}:${two(s % 60)}`;
        }

        class Refusal extends Error {}

        async function ask(path, signal) {
          const headers = token ? { Authorization: "Bearer " + token } : {};
          const response = await fetch(base + path, { headers, signal, cache: "no-store" });
          if (response.ok) return response;
          let text = response.statusText;
          try { text = (await response.json()).message || text; } catch { /* no JSON: the status must do */ }
          const refusal = new Refusal(text);
          refusal.status = response.status;
          throw refusal;
        }

        function tell(title, text, code) {
          const notice = element("notice");
          notice.replaceChildren();
          const strong = document.createElement("strong");
          strong.textContent = title + " ";
          notice.append(strong, text);
          if (code) {
            const line = document.createElement("kbd");
            line.textContent = code;
            notice.append(" ", line);
          }
          notice.hidden = false;
        }

        function fail(error) {
          if (error.name === "AbortError") return;
          const denied = error.status === 403;
          state(denied ? "denied" : "failed");
          element("badge").textContent = denied ? "No access" : "Not available";
          element("badge").className = "badge";
          if (denied) {
            tell("You need a link to this call.", error.message + " Whoever runs Earshot makes one with",
              `earshot listen ${transaction}`);
          } else if (error instanceof Refusal) tell("This call cannot be played.", error.message);
          else tell("The connection was lost.", "Load the page again to go on.");
        }

        // --- The parties ---------------------------------------------------------------------------------------------

        function make(tag, className, text) {
          const made = document.createElement(tag);
          if (className) made.className = className;
          if (text) made.textContent = text;
          return made;
        }

        function buildLeg(info, index) {
          const title = { caller: "Caller", callee: "Callee" }[info.name] || `Party ${index + 1}`;
          const box = make("section", "leg " + (info.channel === 0 ? "caller" : "callee"));
          const head = make("header"), name = make("h2", "", info.speaker || title);
          const more = [info.speaker ? title : "", info.number, info.label ? `label ${info.label}` : ""].filter(Boolean);
          name.append(make("span", "quiet", more.join(" · ")));
          const volume = make("label", "volume", "Volume");
          const slider = make("input");
          Object.assign(slider, { type: "range", min: 0, max: 150, value: 100, step: 5 });
          slider.setAttribute("aria-label", `Volume of the ${title.toLowerCase()}`);
          const mute = make("button", "mute", "Mute");
          mute.type = "button";
          mute.setAttribute("aria-pressed", "false");
          mute.setAttribute("aria-label", `Mute the ${title.toLowerCase()}`);
          volume.append(slider);
          const controls = make("div", "volume");
          controls.append(volume, mute);
          head.append(name, controls);
          const canvas = make("canvas");
          canvas.setAttribute("role", "img");
          canvas.setAttribute("aria-label", `Loudness of the ${title.toLowerCase()} over the call`);
          box.append(head, canvas);
          element("legs").append(box);
          const leg = { info, title, canvas, peaks: new Uint8Array(1200), count: 0, gaps: [], gain: null, slider, mute };
          const apply = () => {
            const muted = mute.getAttribute("aria-pressed") === "true";
            if (leg.gain) leg.gain.gain.value = muted ? 0 : slider.value / 100;
          };
          leg.apply = apply;
          slider.addEventListener("input", apply);
          mute.addEventListener("click", () => {
            mute.setAttribute("aria-pressed", String(mute.getAttribute("aria-pressed") !== "true"));
            apply();
          });
          canvas.addEventListener("click", (event) => {
            const frame = canvas.getBoundingClientRect();
            seek((event.clientX - frame.left) / frame.width * span());
          });
          return leg;
        }

        // --- Loudness and gaps ---------------------------------------------------------------------------------------

        function takePeaks(answer) {
          answer.legs.forEach((part, index) => {
            const leg = legs[index];
            if (!leg) return;
            const first = answer.fromMilliseconds / STEP, count = part.peaks.length / 2;
            if (first + count > leg.peaks.length) {
              const larger = new Uint8Array((first + count) * 2);
              larger.set(leg.peaks);
              leg.peaks = larger;
            }
            for (let i = 0; i < count; i++) leg.peaks[first + i] = parseInt(part.peaks.substr(2 * i, 2), 16);
            leg.count = Math.max(leg.count, first + count);
            const begin = leg.info.fromMilliseconds ?? 0;
            const found = part.gaps.map(([from, to]) => [Math.max(from, begin), to]).filter(([from, to]) => to > from);
            const kept = leg.gaps.flatMap(([from, to]) =>
              [[from, Math.min(to, answer.fromMilliseconds)], [Math.max(from, answer.toMilliseconds), to]]
                .filter(([from, to]) => to > from));
            const all = kept.concat(found).sort((a, b) => a[0] - b[0]), merged = [];
            for (const gap of all) {
              const last = merged[merged.length - 1];
              if (last && gap[0] - last[1] <= STEP) last[1] = Math.max(last[1], gap[1]); else merged.push([...gap]);
            }
            leg.gaps = merged;
          });
          length = Math.max(length, answer.toMilliseconds);
        }

        async function loadPeaks() {
          for (let from = 0; from < length; from += 600000) {
            takePeaks(await (await ask(`peaks?from=${from}&to=${from + 600000}`)).json());
            draw();
          }
        }

        function showGaps() {
          const all = legs.flatMap((leg) => leg.gaps.map(([from, to]) => ({ leg, from, to })));
          const line = element("gaps");
          if (!all.length) { line.textContent = "Nothing is missing from this recording."; return; }
          const total = all.reduce((sum, gap) => sum + gap.to - gap.from, 0);
          const named = all.slice(0, 6).map((gap) =>
            `${gap.leg.title} ${clock(gap.from)}–${clock(gap.to)} (${((gap.to - gap.from) / 1000).toFixed(1)} s)`);
          line.textContent = `${all.length} gap${all.length > 1 ? "s" : ""} without audio, `
            + `${(total / 1000).toFixed(1)} s in all: ${named.join(", ")}${all.length > 6 ? ", …" : ""}.`;
        }

        // --- Drawing -------------------------------------------------------------------------------------------------

        const span = () => (call && call.isLive ? Math.max(length * 1.06, 20000) : Math.max(length, 1000));
        const position = () => audio.currentTime * 1000;

        function draw() {
          const now = position();
          for (const leg of legs) drawLeg(leg, now);
          drawRuler();
          element("seek").max = Math.ceil(span());
          if (!scrubbing) element("seek").value = now;
          element("seek").setAttribute("aria-valuetext", `${clock(now)} of ${clock(length)}`);
          element("time").textContent = clock(now);
          element("length").textContent = clock(length);
          document.body.dataset.position = Math.round(now);
          document.body.dataset.gaps = legs.reduce((sum, leg) => sum + leg.gaps.length, 0);
        }

        function drawLeg(leg, now) {
          const { canvas } = leg, scale = window.devicePixelRatio || 1;
          const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
          if (!width) return;
          if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
          const pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
          pen.clearRect(0, 0, width, height);
          const x = (ms) => ms / span() * width, middle = height / 2;
          const gapColor = style.getPropertyValue("--gap");
          for (const [from, to] of leg.gaps) {
            const left = x(from), right = Math.max(x(to), left + 2 * scale);
            pen.save();
            pen.beginPath();
            pen.rect(left, 0, right - left, height);
            pen.clip();
            pen.globalAlpha = 0.18;
            pen.fillStyle = gapColor;
            pen.fillRect(left, 0, right - left, height);
            pen.globalAlpha = 0.8;
            pen.strokeStyle = gapColor;
            pen.lineWidth = scale;
            for (let at = left - height; at < right; at += 8 * scale) {
              pen.beginPath();
              pen.moveTo(at, height);
              pen.lineTo(at + height, 0);
              pen.stroke();
            }
            pen.restore();
          }
          pen.fillStyle = style.color;
          const bar = 3 * scale, pitch = bar + scale;
          for (let left = 0; left < width; left += pitch) {
            const first = Math.floor(left / width * span() / STEP), end = Math.ceil((left + pitch) / width * span() / STEP);
            if (first >= leg.count) break;
            if (leg.gaps.some(([from, to]) => first * STEP >= from && end * STEP <= to)) continue;
            let peak = 0;
            for (let i = first; i < Math.min(end, leg.count); i++) peak = Math.max(peak, leg.peaks[i]);
            // Quiet speech must be seen as well: the exponent lifts it.
            const tall = Math.max(scale * 1.5, Math.pow(peak / 255, 0.7) * height * 0.92);
            pen.globalAlpha = left + pitch / 2 <= x(now) ? 1 : 0.42;
            pen.fillRect(left, middle - tall / 2, bar, tall);
          }
          pen.globalAlpha = 1;
          pen.fillStyle = getComputedStyle(document.body).color;
          pen.fillRect(Math.max(0, Math.min(x(now), width - 2 * scale)), 0, 2 * scale, height);
        }

        let rulerText = "";
        function drawRuler() {
          const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
          const room = Math.max(2, Math.floor(element("ruler").clientWidth / 80));
          const step = (steps.find((one) => span() / 1000 / one <= room) || 7200) * 1000;
          const marks = [];
          for (let at = 0; at <= span() * 0.98; at += step) marks.push(at);
          const text = marks.join() + span();
          if (text === rulerText) return;
          rulerText = text;
          element("ruler").replaceChildren(...marks.map((at) => {
            const mark = make("span", "", clock(at));
            mark.style.left = at / span() * 100 + "%";
            return mark;
          }));
        }

        // --- Playing -------------------------------------------------------------------------------------------------

        let media, buffer, next = 0, generation = 0, fetching, work = Promise.resolve(), graph, scrubbing = false;

        /// One thing at a time is done with the source buffer.
        function serially(task) {
          const result = work.then(task);
          work = result.catch(() => {});
          return result;
        }

        const settled = () => new Promise((done) =>
          buffer.updating ? buffer.addEventListener("updateend", done, { once: true }) : done());

        async function append(bytes) {
          await settled();
          try {
            buffer.appendBuffer(bytes);
          } catch (error) {
            if (error.name !== "QuotaExceededError") throw error;
            // Room is made where it was heard already.
            buffer.remove(0, Math.max(0.1, audio.currentTime - 20));
            await settled();
            buffer.appendBuffer(bytes);
          }
          await settled();
        }

        async function openMedia() {
          const Source = window.ManagedMediaSource || window.MediaSource;
          if (!Source || !Source.isTypeSupported("audio/webm; codecs=opus")) {
            throw new Refusal("This browser does not play WebM with Opus through MediaSource. Try a current one, "
              + "or export the call with 'earshot export'.");
          }
          media = new Source();
          audio.disableRemotePlayback = true;
          const opened = new Promise((done) => media.addEventListener("sourceopen", done, { once: true }));
          audio.src = URL.createObjectURL(media);
          await opened;
          buffer = media.addSourceBuffer("audio/webm; codecs=opus");
          // Long enough for every seek; the real end is told when all is there.
          media.duration = call.isLive ? 7 * 86400 : length / 1000 + 1;
        }

        /// The end of what is buffered around a place, ms; the place itself where nothing is.
        function bufferedEnd(ms) {
          for (let i = 0; i < buffer.buffered.length; i++) {
            const start = buffer.buffered.start(i) * 1000 - 60, end = buffer.buffered.end(i) * 1000;
            if (ms >= start && ms < end) return end;
          }
          return ms;
        }

        async function pump() {
          const mine = ++generation;
          if (fetching) fetching.abort();
          fetching = new AbortController();
          const { signal } = fetching;
          try {
            while (mine === generation) {
              if (next - position() > AHEAD) { await sleep(200); continue; }
              if (!call.isLive && next >= length) {
                await serially(async () => { await settled(); if (media.readyState === "open") media.endOfStream(); });
                return;
              }
              const from = next, to = from + CHUNK;
              const response = await ask(`audio?from=${from}&to=${to}`, signal);
              // A new range begins with a header of its own.
              await serially(async () => { await settled(); if (media.readyState === "open") buffer.abort(); });
              const reader = response.body.getReader();
              for (;;) {
                const { done, value } = await reader.read();
                if (done || mine !== generation) break;
                await serially(() => append(value));
              }
              if (mine !== generation) return;
              const reached = Math.max(...ends(from));
              next = reached >= to - 100 ? to : Math.max(from, Math.floor(reached / 20) * 20);
              if (next < to && !call.isLive) next = Math.max(next, length);
              else if (next < to) await sleep(300);
            }
          } catch (error) {
            if (mine !== generation || error.name === "AbortError") return;
            if (call.isLive && !(error instanceof Refusal)) { await sleep(1000); if (mine === generation) pump(); return; }
            fail(error);
          }
        }

        function ends(from) {
          const found = [from];
          for (let i = 0; i < buffer.buffered.length; i++) {
            if (buffer.buffered.start(i) * 1000 - 60 <= from) found.push(buffer.buffered.end(i) * 1000);
          }
          return found;
        }

        function seek(ms, isLive = false) {
          follow = isLive;
          const target = Math.max(0, Math.min(ms, Math.max(0, length - 100)));
          const end = bufferedEnd(target);
          next = end > target + 300 ? Math.min(Math.floor(end / 20) * 20, call.isLive ? Infinity : length)
            : Math.max(0, Math.floor((target - LEAD) / 20) * 20);
          // What ends a hundredth of a second before a full range is a full range.
          if (end >= length - 60 && !call.isLive) next = length;
          audio.currentTime = target / 1000;
          pump();
          draw();
        }

        const goLive = () => seek(length - 700, true);

        function buildGraph() {
          const Context = window.AudioContext || window.webkitAudioContext;
          if (graph || !Context) return;
          graph = new Context();
          const source = graph.createMediaElementSource(audio), splitter = graph.createChannelSplitter(2);
          source.connect(splitter);
          // One channel a party: each has its own volume, and a place slightly aside.
          for (const channel of [0, 1]) {
            const gain = graph.createGain(), pan = graph.createStereoPanner();
            pan.pan.value = channel ? 0.3 : -0.3;
            splitter.connect(gain, channel);
            gain.connect(pan).connect(graph.destination);
            for (const leg of legs.filter((one) => one.info.channel === channel)) {
              leg.gain = gain;
              leg.apply();
            }
          }
        }

        async function play() {
          buildGraph();
          if (graph) graph.resume();
          if (!call.isLive && position() >= length - 150) seek(0);
          if (call.isLive && audio.played.length === 0) goLive();
          try { await audio.play(); } catch (error) { if (error.name !== "AbortError") throw error; }
        }

        const toggle = () => (audio.paused ? play().catch(fail) : audio.pause());

        /// A live listener who fell behind is brought back, first by playing a little faster.
        function catchUp() {
          const chosen = Number(element("rate").value);
          if (!follow || !call.isLive || audio.paused) { audio.playbackRate = chosen; return; }
          const behind = bufferedEnd(position()) - position();
          if (behind > 4000) audio.currentTime = (bufferedEnd(position()) - 700) / 1000;
          audio.playbackRate = behind > 1300 ? 1.08 : 1;
        }

        // --- The page ------------------------------------------------------------------------------------------------

        function showState() {
          const playing = !audio.paused && !audio.ended;
          element("play").setAttribute("aria-label", playing ? "Pause" : "Play");
          element("icon").setAttribute("d", playing ? "M6 5h4.5v14H6zM13.5 5H18v14h-4.5z" : "M7 4.5v15l13-7.5z");
          const badge = element("badge");
          badge.textContent = call.isLive ? "Live" : "Ended";
          badge.className = call.isLive ? "badge on" : "badge";
          element("live").hidden = !call.isLive || (follow && playing);
          state(audio.ended ? "ended" : playing ? "playing" : "ready");
        }

        function frame() {
          if (!audio.paused) { catchUp(); draw(); }
          requestAnimationFrame(frame);
        }

        async function watch() {
          while (call.isLive) {
            await sleep(1000);
            try {
              const from = Math.max(0, Math.floor((length - 2000) / STEP) * STEP);
              takePeaks(await (await ask(`peaks?from=${from}&to=${from + 60000}`)).json());
              call = await (await ask("call")).json();
              call.legs.forEach((info, index) => { if (legs[index]) legs[index].info = info; });
              if (!call.isLive) length = Math.max(length, call.durationMilliseconds);
            } catch (error) {
              if (error instanceof Refusal) { audio.pause(); fail(error); return; }
            }
            showGaps();
            draw();
            showState();
          }
        }

        function listen() {
          element("play").addEventListener("click", toggle);
          element("back").addEventListener("click", () => seek(position() - 10000));
          element("forward").addEventListener("click", () => seek(position() + 10000));
          element("live").addEventListener("click", () => { goLive(); play().catch(fail); });
          element("seek").addEventListener("input", () => {
            scrubbing = true;
            element("time").textContent = clock(Number(element("seek").value));
          });
          element("seek").addEventListener("change", () => { scrubbing = false; seek(Number(element("seek").value)); });
          for (const name of ["play", "pause", "ended", "seeked"]) audio.addEventListener(name, () => { showState(); draw(); });
          audio.addEventListener("error", () => fail(new Refusal(audio.error?.message || "The audio could not be decoded.")));
          window.addEventListener("resize", draw);
          window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
          document.addEventListener("keydown", (event) => {
            if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|BUTTON|SUMMARY)$/.test(event.target.tagName)) {
              return;
            }
            const act = {
              " ": toggle, ArrowLeft: () => seek(position() - 5000), ArrowRight: () => seek(position() + 5000),
              Home: () => seek(0), l: () => call.isLive && goLive(), 1: () => legs[0]?.mute.click(),
              2: () => legs[1]?.mute.click(),
            }[event.key];
            if (!act) return;
            event.preventDefault();
            act();
          });
        }

        async function begin() {
          call = await (await ask("call")).json();
          length = call.durationMilliseconds;
          const numbers = call.legs.map((leg) => leg.speaker || leg.number || leg.label || leg.name);
          element("title").textContent = numbers.length > 1 ? numbers.join(" → ") : numbers[0] || "Call";
          document.title = element("title").textContent + " – Earshot";
          const when = new Date(call.startMilliseconds).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
          element("facts").textContent =
            [when, call.direction, call.voiceConnectorId && `connector ${call.voiceConnectorId}`].filter(Boolean).join(" · ");
          element("facts").title = `Transaction ${call.transactionId}`;
          legs = call.legs.map(buildLeg);
          element("player").hidden = false;
          await openMedia();
          await loadPeaks();
          showGaps();
          listen();
          if (call.isLive) next = Math.max(0, Math.floor((length - 1000) / 20) * 20);
          else pump();
          draw();
          showState();
          requestAnimationFrame(frame);
          watch();
        }

        begin().catch(fail);
        """#
}
