import type { AuthMode } from "../core/login.ts";

const MODES: Readonly<Record<AuthMode, string>> = {
  enforce: "Only keys that were admitted get in, and every request proves who sends it.",
  soft: "It still lets everybody in, and writes down whom enforce would refuse.",
  off: "It lets everybody in who reaches it, for trying things out on one machine.",
};

const WITHOUT_TOKEN = "Without one, in this mode, you act as <code>anonymous</code>.";

/** Renders the page that a person with a browser meets first. It needs no script. */
export function renderLanding(facts: {
  readonly version: string;
  readonly mode: AuthMode;
  /** Path of the style sheet. */
  readonly style: string;
}): string {
  const { version, mode, style } = facts;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>unibus</title>
<link rel="icon" href="/favicon.ico" type="image/svg+xml">
<link rel="stylesheet" href="${style}">
</head>
<body class="start">
<main>
<h1>unibus</h1>
<p class="facts">node, version ${version}, mode ${mode}</p>
<p>This is a private message bus: people, services and devices talk in rooms here, each with a key
of its own. ${MODES[mode]}</p>
<p>Programs and the command line are its clients. With a browser you can look around:</p>
<ul>
<li><a href="/swagger">Explorer</a> <span>Every route of the API, to read and to try out</span></li>
<li><a href="/healthz">Health</a> <span>Whether each part does its work, and how the node is guarded</span></li>
<li><a href="/swagger/json">OpenAPI</a> <span>The same routes for programs</span></li>
</ul>
<h2>To try something out</h2>
<p>Where your key is, in another folder than the node's, log in to this address once with
<code>unibus login URL --key FILE</code>. Then run <code>unibus token create --scope write</code>, and
give the token to <em>Authorize</em> in the explorer. It acts for you until it expires. ${mode === "enforce" ? "" : WITHOUT_TOKEN}</p>
<h2>To read on</h2>
<p><code>unibus --help</code> lists the commands. The README that came with unibus begins with the
first room.</p>
</main>
</body>
</html>
`;
}
