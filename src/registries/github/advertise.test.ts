import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { flush, listRefs, packet, refsForPush } from "./advertise.ts";
import { git, initBare, lookUp } from "./git.ts";

let dir: string;
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "twotier-advertise-"));
  await initBare(dir);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const said = async (...args: string[]) => (await git(dir, args)).toString("utf8").trim();
const question = (...args: string[]) =>
  Buffer.from(`${packet("command=ls-refs\n")}${packet("object-format=sha1")}0001${args.map(packet).join("")}${flush}`);

/** What git's own programs answer to the same. */
async function asGit(body: Buffer): Promise<string> {
  return (await git(dir, ["upload-pack", "--stateless-rpc", dir], body, { GIT_PROTOCOL: "version=2" })).toString(
    "utf8",
  );
}

/** Two commits, tags of each kind, a tag of a tag, refs beside a folder of their name's beginning. */
async function fill(): Promise<void> {
  const who = { GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@example.org", GIT_COMMITTER_DATE: "@1 +0000" };
  const tree = (await git(dir, ["mktree"], "")).toString("utf8").trim();
  const commit = async (...args: string[]) =>
    (await git(dir, ["commit-tree", tree, "-m", "x", ...args], undefined, { ...who, GIT_AUTHOR_DATE: "@1 +0000" }))
      .toString("utf8")
      .trim();
  const first = await commit();
  const second = await commit("-p", first);
  await said("update-ref", "refs/heads/main", second);
  await said("update-ref", "refs/heads/main-2", first);
  await said("tag", "v1-light", first);
  await said("tag", "-a", "-m", "one", "v1", first);
  await said("tag", "-a", "-m", "of a tag", "v1-again", "v1");
  await said("update-ref", "refs/tags/tree", tree);
  await said("update-ref", "refs/tags/sdk/go/v1", second);
}

const questions = [
  question(),
  question("peel\n", "symrefs\n"),
  question("peel\n", "symrefs\n", "unborn\n"),
  question("peel", "ref-prefix refs/tags/v1\n", "ref-prefix HEAD\n"),
];

async function compare(): Promise<void> {
  for (const one of questions) expect(listRefs(dir, one)).toBe(await asGit(one));
  expect(await refsForPush(dir)).toBe(await said("receive-pack", "--stateless-rpc", "--advertise-refs", dir));
}

test("an empty repository's refs are told as git tells them", compare);

test("refs and what tags name are told as git tells them: each a file, packed, and both", async () => {
  await fill();
  await compare();
  await said("pack-refs", "--all");
  await compare();
  await said("update-ref", "refs/heads/main", "refs/heads/main-2");
  await said("update-ref", "-d", "refs/tags/sdk/go/v1");
  await compare();
});

test("what files don't tell is git's to answer: tags in a pack, a HEAD that names no branch", async () => {
  await fill();
  await said("gc", "--quiet", "--prune=now");
  expect(questions.map((one) => listRefs(dir, one) === undefined)).toEqual([false, true, true, true]);
  await said("update-ref", "--no-deref", "HEAD", "refs/heads/main");
  expect(listRefs(dir, question())).toBeUndefined();
});

test("another question than that for refs is git's to answer", async () => {
  await fill();
  expect(listRefs(dir, Buffer.from(`${packet("command=fetch")}0001${packet("done\n")}${flush}`))).toBeUndefined();
  expect(listRefs(dir, Buffer.from("no packets"))).toBeUndefined();
});

test("names and objects are found in files as git finds them", async () => {
  await fill();
  const [main, tag] = [await said("rev-parse", "main"), await said("rev-parse", "v1")];
  const names = [
    "refs/heads/main",
    "refs/tags/v1",
    "refs/tags/v1^{commit}",
    "refs/tags/tree^{commit}",
    "HEAD",
    tag,
    `${tag}^{commit}`,
  ];
  const files = await lookUp(dir, names);
  expect(files.map((one) => one?.type)).toEqual(["commit", "tag", "commit", undefined, "commit", "tag", "commit"]);
  expect(files[0]?.sha).toBe(main);
  expect(await lookUp(dir, ["refs/heads/none", "refs/heads/main"])).toEqual([undefined, files[0]]);
  await said("gc", "--quiet", "--prune=now");
  expect(await lookUp(dir, names)).toEqual(files);
});
