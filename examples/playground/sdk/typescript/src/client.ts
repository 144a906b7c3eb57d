import type * as api from "../types/index.d.ts";
import { version } from "./version.ts";

export class PlaygroundError extends Error implements api.PlaygroundError {
  override name = "PlaygroundError";
  readonly status: number;

  constructor(message: string, status: number) {
    super(`${message} (${status})`);
    this.status = status;
  }
}

export class Client implements api.Client {
  readonly #base: string;
  readonly #timeout: number;

  constructor(base: string, options: api.ClientOptions = {}) {
    this.#base = base.replace(/\/+$/, "");
    this.#timeout = options.timeout ?? 10_000;
  }

  async healthy(): Promise<boolean> {
    try {
      await this.#call("GET", "/healthz");
      return true;
    } catch {
      return false;
    }
  }

  async serverVersion(): Promise<string> {
    return (await this.#call<{ version: string }>("GET", "/version")).version;
  }

  register(id: string, url: string): Promise<api.Node> {
    return this.#call("POST", "/api/v1/nodes", { id, url });
  }

  async nodes(): Promise<api.Node[]> {
    return (await this.#call<{ nodes: api.Node[] }>("GET", "/api/v1/nodes")).nodes;
  }

  async #call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(this.#base + path, {
      method,
      body: body && JSON.stringify(body),
      headers: { "content-type": "application/json", "user-agent": `playground-typescript/${version}` },
      signal: AbortSignal.timeout(this.#timeout),
    });
    const answer = await response.json().catch(() => ({ error: response.statusText }));
    if (!response.ok) throw new PlaygroundError(answer.error ?? response.statusText, response.status);
    return answer;
  }
}
