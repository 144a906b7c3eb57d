import { createHash, type Hash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm, writeFile } from "node:fs/promises";
import type http from "node:http";
import { send } from "../server.ts";
import { ociError } from "./errors.ts";
import { algorithmOf, checkDigest, type HashName } from "./reference.ts";
import type { Repository, Store } from "./store.ts";

interface Session {
  id: string;
  repository: Repository;
  /** bytes received and on disk */
  size: number;
  algorithm: HashName;
  hash: Hash;
  /** The request that is being received; a newer one ends it (its client is gone, or it wouldn't have come again). */
  receiving: http.IncomingMessage | undefined;
  done: Promise<void>;
}

/** Blob uploads: OCI distribution specification 1.1, "Pushing blobs". Bytes go to disk as they come and are hashed on the way. */
export class Uploads {
  readonly #store: Store;
  readonly #sessions = new Map<string, Session>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** `POST uploads/`: begins a session, or takes the whole blob where `digest` is given. */
  async start(request: http.IncomingMessage, response: http.ServerResponse, url: URL, repository: Repository) {
    const digest = url.searchParams.get("digest");
    const asked = digest === null ? url.searchParams.get("digest-algorithm") : algorithmOf(checkDigest(digest));
    if (asked !== null && asked !== "sha256" && asked !== "sha512") {
      throw ociError("DIGEST_INVALID", `no such digest algorithm: ${asked}`);
    }
    const session: Session = {
      id: randomUUID(),
      repository,
      size: 0,
      algorithm: asked ?? "sha256",
      hash: createHash(asked ?? "sha256"),
      receiving: undefined,
      done: Promise.resolve(),
    };
    await writeFile(this.#store.uploadPath(session.id), "");
    this.#sessions.set(session.id, session);
    if (digest === null) return this.#answer(response, 202, session);
    await this.#receive(session, request);
    await this.#finish(session, digest, response);
  }

  /** `PATCH LOCATION`: the next chunk, or with no `Content-Range` a stream of unknown length. */
  async append(request: http.IncomingMessage, response: http.ServerResponse, repository: Repository, id: string) {
    const session = await this.#session(repository, id);
    this.#checkRange(request, session);
    await this.#receive(session, request);
    this.#answer(response, 202, session);
  }

  /** `PUT LOCATION?digest=`: the last chunk (or everything, or nothing), and the end. */
  async finish(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    url: URL,
    repository: Repository,
    id: string,
  ) {
    const session = await this.#session(repository, id);
    const digest = checkDigest(url.searchParams.get("digest") ?? "");
    this.#checkRange(request, session);
    await this.#receive(session, request);
    await this.#finish(session, digest, response);
  }

  /** `GET LOCATION`: how far it is, to go on after a cut. */
  async status(response: http.ServerResponse, repository: Repository, id: string) {
    this.#answer(response, 204, await this.#session(repository, id));
  }

  /** `DELETE LOCATION` */
  async cancel(response: http.ServerResponse, repository: Repository, id: string) {
    await this.#drop(await this.#session(repository, id));
    send(response, 204);
  }

  async #session(repository: Repository, id: string): Promise<Session> {
    const session = this.#sessions.get(id);
    if (session === undefined || session.repository !== repository) {
      throw ociError("BLOB_UPLOAD_UNKNOWN", "no such upload; start again with POST");
    }
    session.receiving?.destroy();
    await session.done;
    return session;
  }

  #checkRange(request: http.IncomingMessage, session: Session): void {
    const range = request.headers["content-range"];
    if (range === undefined) return;
    const match = /^(?:bytes[ =])?(\d+)-(\d+)(?:\/.*)?$/.exec(range);
    const length = request.headers["content-length"];
    const fits = match && (length === undefined || Number(match[2]) - Number(match[1]) + 1 === Number(length));
    if (!fits || Number(match[1]) !== session.size) {
      throw ociError("BLOB_UPLOAD_INVALID", `the next byte is ${session.size}, the chunk says ${range}`, {
        status: 416,
        headers: this.#headers(session),
      });
    }
  }

  /** Appends the request's body. What came before a cut stays, so that the client can go on from there. */
  async #receive(session: Session, request: http.IncomingMessage): Promise<void> {
    const received = this.#write(session, request);
    session.receiving = request;
    session.done = received.catch(() => {});
    try {
      await received;
    } finally {
      session.receiving = undefined;
    }
  }

  async #write(session: Session, request: http.IncomingMessage): Promise<void> {
    const file = await open(this.#store.uploadPath(session.id), "a");
    // What arrives while a write runs is written together afterwards: single chunks of 64 KiB would wait for the disk each.
    let waiting: Buffer[] = [];
    let writing: Promise<void> | undefined;
    const flush = async () => {
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        await writeAll(file, batch);
      }
      writing = undefined;
    };
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        session.hash.update(chunk);
        session.size += chunk.length;
        waiting.push(chunk);
        if (writing !== undefined && waiting.length >= 64) await writing;
        if (writing === undefined && waiting.length > 0) {
          writing = flush();
          writing.catch(() => {}); // told by the next await of it
        }
      }
    } finally {
      await writing;
      await file.close();
    }
  }

  async #finish(session: Session, digest: string, response: http.ServerResponse): Promise<void> {
    const path = this.#store.uploadPath(session.id);
    const algorithm = algorithmOf(digest);
    if (algorithm !== session.algorithm) {
      session.hash = createHash(algorithm);
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) session.hash.update(chunk);
    }
    const found = `${algorithm}:${session.hash.digest("hex")}`;
    if (found !== digest) {
      await this.#drop(session);
      throw ociError("DIGEST_INVALID", `the bytes have the digest ${found}, not ${digest}`, { detail: { found } });
    }
    this.#sessions.delete(session.id);
    await rename(path, this.#store.blobPath(digest));
    session.repository.blobs.add(digest);
    await this.#store.save(session.repository);
    send(response, 201, undefined, {
      location: `/v2/${session.repository.name}/blobs/${digest}`,
      "docker-content-digest": digest,
    });
  }

  async #drop(session: Session): Promise<void> {
    this.#sessions.delete(session.id);
    await rm(this.#store.uploadPath(session.id), { force: true });
  }

  #headers(session: Session): Record<string, string> {
    return {
      // Relative and with a query, as the specification allows and clients must bear.
      location: `/v2/${session.repository.name}/blobs/uploads/${session.id}?state=${session.size}`,
      range: `0-${Math.max(0, session.size - 1)}`,
      "docker-upload-uuid": session.id,
    };
  }

  #answer(response: http.ServerResponse, status: number, session: Session): void {
    send(response, status, undefined, this.#headers(session));
  }
}

async function writeAll(file: FileHandle, buffers: Buffer[]): Promise<void> {
  const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  let { bytesWritten } = await file.writev(buffers);
  if (bytesWritten === total) return;
  const rest = Buffer.concat(buffers);
  while (bytesWritten < total) bytesWritten += (await file.write(rest, bytesWritten)).bytesWritten;
}
