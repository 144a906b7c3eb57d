import type { Harness } from "./kill.ts";
import { sample } from "./random.ts";

/** What a part is asked for. */
export interface Asked {
  /** Of all points, or of all rounds: 1 is all. */
  share: number;
  /** Which ones, where it isn't all; and what is random in them. */
  seed: number;
  /** The name of the one that is wanted, without its part. */
  only?: string | undefined;
  /** Of so many processes that share the work, which one this is; 0-based. */
  job: number;
  jobs: number;
  /** The fast project, made when the first part of a job wants it. */
  harness(): Promise<Harness>;
  /** Called after each run, with what is wrong with it. */
  report(name: string, findings: readonly string[]): void;
}

/** A line of the table. */
export interface Row {
  what: string;
  /** How many there are for this job. */
  points: number;
  runs: number;
  /** Runs after which every registry held what it should. */
  converged: number;
}

/** One way to make a release's life hard. */
export interface Part {
  name: string;
  run(asked: Asked): Promise<Row[]>;
}

/** Those that are asked for: one, or a share of them, each equally likely. */
export function wanted<T>(
  all: readonly T[],
  count: number,
  { seed, only }: Pick<Asked, "seed" | "only">,
  name: (one: T) => string,
): T[] {
  return only === undefined ? sample(all, count, seed) : all.filter((one) => name(one) === only);
}

/** What of all this job does; `n` says a whole number of each that is the same in every job. */
export function mine<T>(all: readonly T[], { job, jobs }: Pick<Asked, "job" | "jobs">, n: (one: T) => number): T[] {
  return all.filter((one) => n(one) % jobs === job);
}

/** Whether this job does what can't be shared: the n-th of such parts, counted from 0. */
export function isMine({ job, jobs }: Pick<Asked, "job" | "jobs">, n: number): boolean {
  return n % jobs === job;
}

/** Does all in their order, two at a time, so that one that waits leaves no core idle. */
export async function inTurn<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all([worker(), worker()]);
}
