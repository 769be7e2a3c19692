extension ListeningPage {
    /// The style sheet.
    static let style = #"""
        :root {
          --back: #f4f5f7; --card: #fff; --text: #16202c; --quiet: #566273; --line: #d8dee6; --accent: #0b5fce;
          --on-accent: #fff; --caller: #0b6bcb; --callee: #b4470f; --live: #c2172b; --lane: #eef1f5; --gap: #c9a400;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --back: #0e131a; --card: #171e28; --text: #e9eef5; --quiet: #9aa8ba; --line: #2b3644; --accent: #6db1ff;
            --on-accent: #06121f; --caller: #6db1ff; --callee: #ff9f66; --live: #ff6b7a; --lane: #10161f; --gap: #d9b84a;
          }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body {
          margin: 0; background: var(--back); color: var(--text);
          font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
        }
        main { max-width: 68rem; margin: 0 auto; padding: clamp(1rem, 3vw, 2.5rem); }
        header { display: flex; justify-content: space-between; align-items: flex-start; gap: 1rem; margin-bottom: 1.25rem; }
        .mark { margin: 0; color: var(--quiet); font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; }
        h1 { margin: .15rem 0; font-size: clamp(1.25rem, 4vw, 1.9rem); line-height: 1.2; overflow-wrap: anywhere; }
        .facts, .quiet { color: var(--quiet); margin: 0; }
        .facts { font-size: .92rem; overflow-wrap: anywhere; }
        .badge {
          margin: .3rem 0 0; padding: .25rem .8rem; border-radius: 999px; border: 1px solid var(--line); color: var(--quiet);
          font-size: .85rem; font-weight: 600; white-space: nowrap;
        }
        .badge.on { color: var(--live); border-color: currentColor; }
        .badge.on::before { content: ""; display: inline-block; width: .55em; height: .55em; border-radius: 50%;
          background: currentColor; margin-right: .45em; }
        .notice { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--live);
          padding: 1rem 1.2rem; border-radius: .5rem; }
        #player { background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: clamp(.9rem, 2.5vw, 1.6rem); }
        .leg { margin-bottom: .9rem; }
        .leg header { align-items: center; margin: 0 0 .35rem; flex-wrap: wrap; gap: .35rem 1rem; }
        .leg h2 { margin: 0; font-size: 1rem; display: flex; align-items: baseline; gap: .5rem; flex-wrap: wrap; }
        .leg h2::before { content: ""; width: .7rem; height: .7rem; border-radius: 50%; background: var(--color); }
        .leg h2 .quiet { font-weight: 400; }
        .leg.caller { --color: var(--caller); }
        .leg.callee { --color: var(--callee); }
        .volume { display: flex; align-items: center; gap: .5rem; font-size: .85rem; color: var(--quiet); }
        .volume input { width: 8rem; accent-color: var(--color); }
        canvas { display: block; width: 100%; height: 92px; background: var(--lane); border-radius: .5rem; cursor: pointer;
          color: var(--color); touch-action: pan-y; }
        .ruler { position: relative; height: 1.3rem; color: var(--quiet); font-size: .75rem; font-variant-numeric: tabular-nums; }
        .ruler span { position: absolute; transform: translateX(-50%); }
        .ruler span:first-child { transform: none; }
        .seek input { width: 100%; margin: .1rem 0 .6rem; accent-color: var(--accent); }
        .controls { display: flex; align-items: center; gap: .6rem; flex-wrap: wrap; margin-bottom: .7rem; }
        .spring { flex: 1; }
        button, select { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .6rem;
          min-height: 2.75rem; min-width: 2.75rem; padding: 0 .8rem; cursor: pointer; }
        select { background: var(--card); }
        button:hover, select:hover { border-color: var(--quiet); }
        button.main { background: var(--accent); color: var(--on-accent); border-color: transparent; border-radius: 50%;
          width: 3.4rem; height: 3.4rem; padding: 0; display: grid; place-items: center; }
        button.main path { fill: currentColor; }
        button.mute { min-height: 2rem; padding: 0 .6rem; }
        button[aria-pressed="true"] { background: var(--text); color: var(--card); }
        button.live { color: var(--live); border-color: currentColor; font-weight: 600; }
        .time { margin: 0 0 0 .4rem; font-size: 1.1rem; font-variant-numeric: tabular-nums; }
        .rate { color: var(--quiet); font-size: .85rem; }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
        details { margin-top: .6rem; color: var(--quiet); font-size: .9rem; }
        summary { cursor: pointer; }
        kbd { font: inherit; border: 1px solid var(--line); border-radius: .3rem; padding: 0 .35em; }
        @media (max-width: 34rem) {
          canvas { height: 68px; }
          .volume input { width: 6.5rem; }
          .controls { justify-content: center; }
          .time { width: 100%; text-align: center; order: -1; margin: 0; }
          .spring { display: none; }
        }
        @media (prefers-reduced-motion: no-preference) {
          .badge.on::before { animation: pulse 1.6s ease-in-out infinite; }
          @keyframes pulse { 50% { opacity: .25; } }
        }
        """#
}
