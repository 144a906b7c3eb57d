import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** A release asset; its bytes are the file `assets/ID` of the repository's folder. */
export interface Asset {
  id: number;
  name: string;
  label: string | null;
  contentType: string;
  /** `starter`: begun, but never finished (GitHub's docs, "Upload a release asset"). */
  state: "starter" | "uploaded";
  /** bytes */
  size: number;
  /** `sha256:HEX`; null while `starter` */
  digest: string | null;
  downloads: number;
  createdAt: string;
  updatedAt: string;
  /** Unguessable part of the storage address, so that a redirect to it works without a credential. */
  key: string;
}

export interface Release {
  id: number;
  tag: string;
  target: string;
  name: string | null;
  body: string | null;
  draft: boolean;
  prerelease: boolean;
  immutable: boolean;
  /** The date of the released commit (GitHub's docs: "not the date when the release was drafted or published"). */
  createdAt: string;
  /** When the row was made, in milliseconds since the epoch: for a listing that lags. */
  madeAt: number;
  updatedAt: string;
  publishedAt: string | null;
  /** Stands for the tag in a draft's addresses: `untagged-HEX`. */
  untagged: string;
  assets: Asset[];
}

/** What a repository holds besides its git objects and refs. */
export interface RepositoryData {
  id: number;
  owner: string;
  name: string;
  createdAt: string;
  pushedAt: string;
  /** Private: nothing of it is there for who shows no credential. */
  private: boolean;
  lastId: number;
  immutableReleases: boolean;
  /** Tags of immutable releases: fixed while the release is there, spent for ever after. */
  spentTags: string[];
  protectedBranches: string[];
  /** Release that was marked as the latest one; null: none was. */
  latest: number | null;
  releases: Release[];
  attestations?: { id: number; digests: string[]; bundle: unknown }[];
  runs?: WorkflowRun[];
}

/** A run of a GitHub Actions workflow. */
export interface WorkflowRun {
  id: number;
  /** `.github/workflows/release.yml` */
  path: string;
  event: string;
  headSha: string;
  actor: string;
}

/** One repository in memory, with its folders. */
export class Repository {
  readonly data: RepositoryData;
  readonly dir: string;
  readonly git: string;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(dir: string, data: RepositoryData) {
    this.dir = dir;
    this.git = path.join(dir, "git");
    this.data = data;
  }

  get fullName(): string {
    return `${this.data.owner}/${this.data.name}`;
  }

  assetFile(id: number): string {
    return path.join(this.dir, "assets", String(id));
  }

  /** Writes the data: a whole file beside, then renamed, so that a crash leaves the old or the new one. */
  save(): void {
    const file = path.join(this.dir, "repository.json");
    writeFileSync(`${file}.new`, JSON.stringify(this.data));
    renameSync(`${file}.new`, file);
  }

  /** Runs one change at a time, so that checks and what follows from them belong together. */
  exclusive<T>(change: () => Promise<T>): Promise<T> {
    const done = this.queue.then(change, change);
    this.queue = done.catch(() => {});
    return done;
  }
}

/** All repositories of a state folder. Names are found in any case, as at GitHub. */
export class Store {
  readonly root: string;
  private readonly repositories = new Map<string, Repository>();
  private readonly making = new Map<string, Promise<Repository>>();
  private lastId = 1000;

  constructor(root: string) {
    this.root = path.join(root, "repositories");
    mkdirSync(this.root, { recursive: true });
    for (const owner of readdirSync(this.root)) {
      for (const name of readdirSync(path.join(this.root, owner))) this.load(path.join(this.root, owner, name));
    }
  }

  private load(dir: string): void {
    const file = path.join(dir, "repository.json");
    if (!existsSync(file)) return; // its making was cut off before anybody was told
    const repository = new Repository(dir, JSON.parse(readFileSync(file, "utf8")) as RepositoryData);
    this.lastId = Math.max(this.lastId, repository.data.lastId);
    this.repositories.set(keyOf(repository.data.owner, repository.data.name), repository);
  }

  get(owner: string, name: string): Repository | undefined {
    return this.repositories.get(keyOf(owner, name));
  }

  all(): Repository[] {
    return [...this.repositories.values()];
  }

  /** A new id for something in this repository; never given out again, not even after a restart. */
  nextId(repository?: Repository): number {
    this.lastId += 1;
    if (repository) repository.data.lastId = this.lastId;
    return this.lastId;
  }

  /**
   * Makes a repository around a bare git folder that `init` fills; of several that ask at once all get the same.
   *
   * @throws RangeError when owner or name aren't GitHub's kind of names: nothing else may become a path.
   */
  async create(owner: string, name: string, now: string, init: (git: string) => Promise<void>): Promise<Repository> {
    if (!isOwner(owner) || !isRepositoryName(name)) throw new RangeError(`not a repository name: ${owner}/${name}`);
    const key = keyOf(owner, name);
    const making = this.making.get(key) ?? this.make(owner, name, now, init);
    this.making.set(key, making);
    return making.finally(() => this.making.delete(key));
  }

  private async make(
    owner: string,
    name: string,
    now: string,
    init: (git: string) => Promise<void>,
  ): Promise<Repository> {
    const dir = path.join(this.root, owner.toLowerCase(), name.toLowerCase());
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(path.join(dir, "assets"), { recursive: true });
    const id = this.nextId();
    const repository = new Repository(dir, {
      id,
      owner,
      name,
      createdAt: now,
      pushedAt: now,
      private: false,
      lastId: id,
      immutableReleases: false,
      spentTags: [],
      protectedBranches: [],
      latest: null,
      releases: [],
    });
    await init(repository.git);
    repository.save();
    this.repositories.set(keyOf(owner, name), repository);
    return repository;
  }

  /** The asset behind a storage key. */
  assetByKey(key: string): { repository: Repository; asset: Asset } | undefined {
    for (const repository of this.repositories.values()) {
      for (const release of repository.data.releases) {
        const asset = release.assets.find((one) => one.key === key);
        if (asset) return { repository, asset };
      }
    }
    return undefined;
  }
}

/** A fresh storage key. */
export function newKey(): string {
  return randomUUID();
}

function keyOf(owner: string, name: string): string {
  return `${owner}/${name}`.toLowerCase();
}

/** GitHub's rule for logins: letters, digits and single hyphens inside, at most 39. */
export function isOwner(text: string): boolean {
  return /^[a-z\d](?:[a-z\d]|-(?=[a-z\d])){0,38}$/i.test(text);
}

/** GitHub's rule for repository names; `.git` at the end is left to git addresses. */
export function isRepositoryName(text: string): boolean {
  return /^[\w.-]{1,100}$/.test(text) && !/^\.\.?$/.test(text) && !/\.git$/i.test(text);
}
