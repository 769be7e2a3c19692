extension ListeningPage {
    /// The document.
    static let document = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
        <meta name="color-scheme" content="light dark">
        <title>Call – Earshot</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="../assets/listen.css">
        <script src="../assets/listen.js" defer></script>
        </head>
        <body data-state="loading">
        <main>
        <header>
          <div>
            <p class="mark">Earshot</p>
            <h1 id="title">Call</h1>
            <p id="facts" class="facts"></p>
          </div>
          <p id="badge" class="badge" role="status">Loading</p>
        </header>
        <p id="notice" class="notice" role="alert" hidden></p>
        <section id="player" aria-label="Player" hidden>
          <div id="legs"></div>
          <div id="ruler" class="ruler" aria-hidden="true"></div>
          <div class="seek">
            <input id="seek" type="range" min="0" max="1000" step="100" value="0" aria-label="Position">
          </div>
          <div class="controls">
            <button id="back" type="button" aria-label="Back 10 seconds">−10 s</button>
            <button id="play" type="button" class="main" aria-label="Play">
              <svg viewBox="0 0 24 24" width="26" height="26" aria-hidden="true"><path id="icon" d="M7 4.5v15l13-7.5z"/></svg>
            </button>
            <button id="forward" type="button" aria-label="Forward 10 seconds">+10 s</button>
            <p class="time"><span id="time">0:00</span> <span class="quiet">/ <span id="length">0:00</span></span></p>
            <span class="spring"></span>
            <label class="rate">Speed
              <select id="rate"><option>0.75</option><option selected>1</option><option>1.25</option><option>1.5</option>
              <option>2</option></select></label>
            <button id="live" type="button" class="live" hidden>Go live</button>
          </div>
          <p id="gaps" class="quiet"></p>
          <details><summary>Keys</summary>
            <p class="quiet"><kbd>Space</kbd> play or pause · <kbd>←</kbd> <kbd>→</kbd> 5 seconds · <kbd>Home</kbd>
            start · <kbd>L</kbd> live · <kbd>1</kbd> <kbd>2</kbd> mute a party</p></details>
        </section>
        <audio id="audio" preload="none"></audio>
        <noscript><p class="notice">This page plays the call with a script; allow scripts for it.</p></noscript>
        </main>
        </body>
        </html>
        """#
}
