import type http from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type Around, send } from "../server.ts";
import { corrupted } from "./corrupt.ts";
import { type Fault, type FaultFile, type FaultyRegistry, globOf } from "./file.ts";
import { type Answer, answered, resend } from "./sink.ts";

export {
  type Fault,
  type FaultFile,
  type FaultyRegistry,
  parseFaults,
  readFaults,
} from "./file.ts";
export { answered } from "./sink.ts";

/** A fault that happened. */
export interface Happened {
  fault: Fault;
  registry: FaultyRegistry;
  method: string;
  /** Path and query. */
  path: string;
}

/** Faults that can be switched on and off while registries run. */
export interface Faults {
  /** Adds one; what it returns takes it away again. */
  add(fault: Fault): () => void;
  /** Takes all away. */
  clear(): void;
  /** What happened so far, in order. */
  readonly happened: readonly Happened[];
  /** What a registry's requests go through (`RegistryOptions.around`). */
  around(registry: FaultyRegistry): Around;
}

type Handle = (response: http.ServerResponse) => Promise<void>;
type Of<Kind extends Fault["fault"]> = Extract<Fault, { fault: Kind }>;

/** One fault with what it remembers. */
interface Active {
  fault: Fault;
  path: RegExp | undefined;
  methods: string[] | undefined;
  seen: number;
  /** `stale`: answers by request. */
  answers: Map<string, { answer: Answer; until: number }>;
  /** `expire`: by credential. */
  credentials: Map<string, { uses: number; since: number }>;
  /** `full`: bytes that were taken. */
  taken: number;
}

const gitPath = /\/(?:info\/refs\?service=git-|git-upload-pack$|git-receive-pack$)/;

/**
 * What goes wrong between clients and the registries of this machine.
 *
 * The first fault that fits a request happens to it, and the request counts for that one alone.
 *
 * @param now clock for what lasts a time
 * @see docs/faults.md
 */
export function createFaults(file: FaultFile = {}, now: () => number = Date.now): Faults {
  const active: Active[] = [];
  const happened: Happened[] = [];
  const add = (fault: Fault) => {
    const one: Active = {
      fault,
      path: fault.path === undefined ? undefined : globOf(fault.path),
      methods: fault.method?.toUpperCase().split("|"),
      seen: 0,
      answers: new Map(),
      credentials: new Map(),
      taken: 0,
    };
    active.push(one);
    return () => {
      const at = active.indexOf(one);
      if (at >= 0) active.splice(at, 1);
    };
  };
  for (const fault of file.faults ?? []) add(fault);
  return {
    add,
    clear: () => void active.splice(0),
    happened,
    around: (server) => async (request, response, handle) => {
      const [method, path] = [request.method ?? "GET", request.url ?? "/"];
      const registry: FaultyRegistry = server === "github" && gitPath.test(path) ? "git" : server;
      const hit = active.find((one) => fits(one, registry, method, path) && takes(one));
      if (!hit) return handle(response);
      const note = () => void happened.push({ fault: hit.fault, registry, method, path });
      return happens(hit, { request, response, handle, now, note });
    },
  };
}

function fits({ fault, path, methods }: Active, registry: string, method: string, url: string): boolean {
  return (
    (fault.registry === undefined || fault.registry === registry) &&
    (methods === undefined || methods.includes(method)) &&
    (path === undefined || path.test(url))
  );
}

/** Counts a fitting request; true while it is the fault's turn. */
function takes(one: Active): boolean {
  const { after = 0, count = 1 } = one.fault;
  one.seen++;
  return one.seen > after && (lasting(one.fault) || count === "all" || one.seen <= after + count);
}

/** These have a measure of their own, unless a count is asked for. */
function lasting({ fault, count }: Fault): boolean {
  return count === undefined && (fault === "stale" || fault === "expire" || fault === "full");
}

interface Call {
  request: http.IncomingMessage;
  response: http.ServerResponse;
  handle: Handle;
  now: () => number;
  note: () => void;
}

async function happens(one: Active, call: Call): Promise<void> {
  const { fault } = one;
  const { request, response, handle, note } = call;
  if (fault.fault === "stale") return stale(one, fault, call);
  if (fault.fault === "expire") return expire(one, fault, call);
  if (fault.fault === "full") return full(one, fault, call);
  note();
  if ("when" in fault && fault.when === "after") await answered(request, response, handle);
  switch (fault.fault) {
    case "refuse":
      return void request.socket.destroy();
    case "hang":
      request.resume();
      return;
    case "cut":
      return cut(fault, call);
    case "status":
      return status(fault, call);
    case "corrupt": {
      const answer = await answered(request, response, handle);
      return answer && resend(response, corrupted(answer));
    }
    case "slow":
      await delay(fault.seconds * 1000, undefined, { ref: false });
      return handle(response);
  }
}

/** Breaks the connection when so many bytes of the request's body have come, or of an answer to one without a body. */
async function cut({ bytes = 1 }: Of<"cut">, { request, response, handle }: Call): Promise<void> {
  if (Number(request.headers["content-length"] ?? 0) === 0 && request.headers["transfer-encoding"] === undefined) {
    const answer = await answered(request, response, handle);
    if (!answer) return;
    const { status: code, headers, body } = answer;
    response.writeHead(code, { ...headers, "content-length": Math.max(body.length, bytes + 1) });
    response.write(body.subarray(0, bytes), () => request.socket.destroy());
    if (bytes === 0) response.flushHeaders();
    return;
  }
  let come = 0;
  const push = request.push.bind(request);
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    come += chunk?.length ?? 0;
    if (come <= bytes) return push(chunk, encoding);
    // Nobody may take what came for the whole, though its end may have come already.
    request.destroy(new Error("cut"));
    request.socket.destroy();
    return false;
  };
  await handle(response);
}

function status({ status: code, retryAfter, body, when }: Of<"status">, { request, response }: Call): void {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
  // A front server that turns a request away doesn't read it; the connection is of no more use then.
  if (when !== "after" && Number(request.headers["content-length"] ?? 0) > 0) headers.connection = "close";
  request.resume();
  send(response, code, body ?? { error: `a fault that was switched on: ${code}` }, headers);
}

/** A cache: what it answered once it answers again, until that is too old. */
async function stale({ answers }: Active, { seconds }: Of<"stale">, call: Call): Promise<void> {
  const { request, response, handle, now, note } = call;
  if (request.method !== "GET" && request.method !== "HEAD") return handle(response);
  const { authorization, accept } = request.headers;
  const key = JSON.stringify([request.method, request.headers.host, request.url, authorization, accept]);
  const kept = answers.get(key);
  if (kept && now() < kept.until) {
    note();
    return resend(response, kept.answer);
  }
  const answer = await answered(request, response, handle);
  if (!answer) return;
  answers.set(key, { answer, until: now() + seconds * 1000 });
  resend(response, answer);
}

/** A credential that is taken for a time, or so many times; then the registry sees none. */
async function expire({ credentials }: Active, { seconds, uses }: Of<"expire">, call: Call): Promise<void> {
  const { request, response, handle, now, note } = call;
  const credential = request.headers.authorization;
  if (credential === undefined) return handle(response);
  const known = credentials.get(credential) ?? { uses: 0, since: now() };
  credentials.set(credential, known);
  known.uses++;
  if (known.uses > (uses ?? Number.POSITIVE_INFINITY) || now() - known.since >= (seconds ?? Infinity) * 1000) {
    note();
    delete request.headers.authorization;
  }
  return handle(response);
}

/** A disk with so much room: what doesn't fit is read in part, and refused. */
async function full(one: Active, { bytes }: Of<"full">, { request, response, handle, note }: Call): Promise<void> {
  const size = Number(request.headers["content-length"] ?? 0);
  if (one.taken + size <= bytes) {
    one.taken += size;
    return handle(response);
  }
  note();
  request.resume();
  send(response, 507, { error: "no space left on device" }, { connection: "close" });
}
