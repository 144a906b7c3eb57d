import { writeHook } from "./backend.ts";
import type { Repository, Store } from "./store.ts";

/** What tests and rehearsals set that GitHub's API can't, or not so simply. Names are `OWNER/REPO`. */
export interface Admin {
  /** Makes an empty repository, as the first push would; one that is there stays. */
  createRepository(name: string): Promise<void>;
  /** Refuses pushes to a branch: "GH006: Protected branch update failed". */
  protectBranch(name: string, branch: string, on?: boolean): Promise<void>;
  /** Hides a repository from everybody without a credential, as GitHub hides private ones. */
  setPrivate(name: string, on: boolean): void;
  /** Releases published from now on are immutable. */
  setImmutableReleases(name: string, on: boolean): void;
  /** Milliseconds until a new release turns up in listings (GitHub's listings lag). */
  setListLag(milliseconds: number): void;
  /** Records a run of .github/workflows/release.yml, as Actions does. */
  addRun(name: string, run: { event: string; headSha: string }): void;
  /** The repository's bare git folder. */
  gitDir(name: string): string;
  readonly settings: { listLag: number };
}

export function createAdmin(
  store: Store,
  createRepository: (owner: string, name: string) => Promise<Repository>,
): Admin {
  const settings = { listLag: 0 };
  const find = (fullName: string): Repository => {
    const [owner = "", name = ""] = fullName.split("/");
    const repository = store.get(owner, name);
    if (!repository) throw new RangeError(`no such repository: ${fullName}`);
    return repository;
  };
  return {
    settings,
    async createRepository(fullName) {
      const [owner = "", name = ""] = fullName.split("/");
      if (!store.get(owner, name)) await createRepository(owner, name);
    },
    async protectBranch(fullName, branch, on = true) {
      const repository = find(fullName);
      const others = repository.data.protectedBranches.filter((one) => one !== branch);
      repository.data.protectedBranches = on ? [...others, branch] : others;
      repository.save();
      await writeHook(repository);
    },
    setPrivate(fullName, on) {
      const repository = find(fullName);
      repository.data.private = on;
      repository.save();
    },
    setImmutableReleases(fullName, on) {
      const repository = find(fullName);
      repository.data.immutableReleases = on;
      repository.save();
    },
    setListLag(milliseconds) {
      settings.listLag = milliseconds;
    },
    addRun(fullName, run) {
      const repository = find(fullName);
      const { data } = repository;
      data.lastId++;
      const path = ".github/workflows/release.yml";
      data.runs = [...(data.runs ?? []), { ...run, id: data.lastId, path, actor: "a-person" }];
      repository.save();
    },
    gitDir: (fullName) => find(fullName).git,
  };
}
