// Verify every mail of a folder with mailauth: node mailauth_check.cjs NODE_MODULES FOLDER
// The keys come from zone.json in that folder, so nothing is asked over the network. Prints counts as JSON.
"use strict";
const fs = require("fs");
const path = require("path");
const [modules, folder] = process.argv.slice(2);
const { dkimVerify } = require(path.join(modules, "mailauth/lib/dkim/verify"));
const zone = JSON.parse(fs.readFileSync(path.join(folder, "zone.json")));

const resolver = async (name, kind) => {
  if (kind === "TXT" && zone[name]) { return [[zone[name]]]; }
  throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
};

(async () => {
  const counts = {};
  const odd = [];
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".eml")).sort()) {
    const { results } = await dkimVerify(fs.readFileSync(path.join(folder, file)), { resolver });
    const said = results.map((one) => one.algo + "=" + one.status.result).sort().join(" ");
    counts[said] = (counts[said] || 0) + 1;
    if (results.length !== 2 || results.some((one) => one.status.result !== "pass")) { odd.push([file, said]); }
  }
  console.log(JSON.stringify({ counts, odd: odd.slice(0, 5) }));
})();
