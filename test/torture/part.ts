/** What a part is asked for. */
export interface Asked {
  /** Of all points, or of all rounds: 1 is all. */
  share: number;
  /** Which ones, where it isn't all; and what is random in them. */
  seed: number;
  /** How many at the same time. */
  jobs: number;
  /** Called after each run, with what is wrong with it. */
  report(name: string, findings: readonly string[]): void;
}

/** A line of the table. */
export interface Row {
  what: string;
  /** How many there are. */
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

/** Does all, so many at the same time, in their order. */
export async function inTurn<T>(all: readonly T[], jobs: number, work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}
