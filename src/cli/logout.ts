import { processEnvironment } from "../config/environment.ts";
import { loadNodePlace } from "../config/load.ts";
import { EXIT, Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { JSON_OPTION, show } from "./node-command.ts";
import { folderOption } from "./node-options.ts";
import { folderOf } from "./place.ts";
import { findProfileUrl, hasProfile, removeProfile } from "./profile.ts";
import { defineStrict } from "./strict.ts";

export const logoutCommand = defineStrict({
  description:
    "Forgets the node elsewhere that the commands of a folder speak to. The key's file stays, and the key stays a user's.",
  options: [JSON_OPTION, folderOption()],
  run: ({ given }) => {
    const folder = folderOf(loadNodePlace(given, processEnvironment()));
    if (!hasProfile(folder)) {
      throw new Problem(
        "node-not-found",
        `Cannot log out: nobody is logged in in ${quote(folder)}`,
      );
    }
    const url = findProfileUrl(folder);
    removeProfile(folder);
    const lines = [`The commands of ${quote(folder)} no longer speak to ${url ?? "that node"}`];
    show({ document: { url, loggedOut: true }, lines }, given.json === true);
    return EXIT.done;
  },
});
