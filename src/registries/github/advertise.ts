import { readFileSync } from "node:fs";
import path from "node:path";
import { git } from "./git.ts";
import { peel, readHead, readRefs } from "./repository-files.ts";

/** A packet of git's protocol: its length, then its text (gitprotocol-common(5), "pkt-line Format"). */
export function packet(text: string): string {
  return `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, "0")}${text}`;
}

/** Ends a list of packets. */
export const flush = "0000";

/** What git says that it can do, by its service and the repository's settings: pushes change nothing about it. */
const answers = new Map<string, Promise<Buffer>>();

function asked(dir: string, service: string, version?: string): Promise<Buffer> {
  const key = `${service} ${readFileSync(path.join(dir, "config"), "utf8")}`;
  let answer = answers.get(key);
  if (!answer) {
    const variables = version === undefined ? undefined : { GIT_PROTOCOL: version };
    answer = git(dir, [service, "--stateless-rpc", "--advertise-refs", dir], undefined, variables);
    answers.set(key, answer);
    answer.catch(() => answers.delete(key));
  }
  return answer;
}

/** What version 2 of the protocol begins with: nothing about refs (gitprotocol-v2(5), "Capability Advertisement"). */
export function capabilities(dir: string): Promise<Buffer> {
  return asked(dir, "upload-pack", "version=2");
}

/** What a push begins with: the refs, and beside the first of them what git can do (gitprotocol-pack(5), "Reference Discovery"). */
export async function refsForPush(dir: string): Promise<string> {
  const said = (await asked(dir, "receive-pack")).toString("utf8");
  const can = said.slice(said.indexOf("\0"), said.indexOf("\n") + 1);
  const refs = [...readRefs(dir)];
  if (refs.length === 0) refs.push(["capabilities^{}", "0".repeat(40)]);
  return refs.map(([name, sha], at) => packet(`${sha} ${name}${at === 0 ? can : "\n"}`)).join("") + flush;
}

/**
 * The answer to version 2's question for refs (gitprotocol-v2(5), "ls-refs"); undefined where a request asks for something
 * else, and where files don't tell all of it: then git answers.
 *
 * @param body the request's packets
 */
export function listRefs(dir: string, body: Buffer): string | undefined {
  const packets = packetsOf(body);
  if (packets[0] !== "command=ls-refs") return undefined;
  const asks = (what: string) => packets.includes(what);
  const prefixes = packets.filter((one) => one.startsWith("ref-prefix ")).map((one) => one.slice(11));
  const wanted = (name: string) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix));
  const refs = readRefs(dir);
  const lines: string[] = [];
  const head = readHead(dir);
  if (head === undefined) return undefined;
  if (wanted("HEAD")) {
    const [at, target] = [refs.get(head), asks("symrefs") ? ` symref-target:${head}` : ""];
    if (at !== undefined) lines.push(`${at} HEAD${target}`);
    else if (asks("unborn")) lines.push(`unborn HEAD symref-target:${head}`);
  }
  for (const [name, sha] of refs) {
    if (!wanted(name)) continue;
    const object = asks("peel") ? peel(dir, sha) : undefined;
    if (object === "elsewhere") return undefined;
    lines.push(`${sha} ${name}${object?.own.type === "tag" ? ` peeled:${object.last.sha}` : ""}`);
  }
  return lines.map((line) => packet(`${line}\n`)).join("") + flush;
}

/** The texts of all packets, without their line ends. */
function packetsOf(body: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + 4 <= body.length; ) {
    const length = Number.parseInt(body.toString("latin1", at, at + 4), 16);
    if (Number.isNaN(length)) break;
    if (length > 4) found.push(body.toString("utf8", at + 4, at + length).replace(/\n$/, ""));
    at += Math.max(length, 4);
  }
  return found;
}
