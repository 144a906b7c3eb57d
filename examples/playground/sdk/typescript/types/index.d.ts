/** An agent that has registered itself. */
export interface Node {
  id: string;
  url: string;
  /** ISO 8601, UTC */
  registered_at: string;
}

export interface ClientOptions {
  /** Milliseconds to wait for an answer. Default 10 000. */
  timeout?: number;
}

/** Talks to one control plane. */
export declare class Client {
  /** @param base e.g. `http://127.0.0.1:8080` */
  constructor(base: string, options?: ClientOptions);
  /** Whether the control plane answers. */
  healthy(): Promise<boolean>;
  /** The version of the control plane. */
  serverVersion(): Promise<string>;
  /** Adds a node, or moves one that is there already to another URL. */
  register(id: string, url: string): Promise<Node>;
  /** All nodes, ordered by id. */
  nodes(): Promise<Node[]>;
}

/** An answer of the control plane that is no success. */
export declare class PlaygroundError extends Error {
  readonly status: number;
}

/** The version of this package. */
export declare const version: string;
