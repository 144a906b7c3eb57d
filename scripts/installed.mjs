// Exit code 0 where node_modules holds just what package-lock.json names. Any Node from 14 on runs it.
// node_modules/.package-lock.json is npm's own list of what is there (npm docs, package-lock.json, "Hidden Lockfiles").
import { readFileSync } from "node:fs";

function packages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages || {};
  } catch {
    return {};
  }
}

const wanted = packages("package-lock.json");
const there = packages("node_modules/.package-lock.json");
const complete = Object.entries(wanted).every(([folder, entry]) => {
  // Optional ones are for other systems where they aren't there.
  if (folder === "" || (entry.optional && !there[folder])) return true;
  return there[folder] && there[folder].version === entry.version;
});
process.exit(complete && Object.keys(there).every((folder) => wanted[folder]) ? 0 : 1);
