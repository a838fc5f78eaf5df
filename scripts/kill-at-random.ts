/**
 * @file Kills `keepsake` (SIGKILL) at random moments while it learns, undoes and forgets, and checks each time that the
 * library is whole and that the repeated command ends in the same bytes as one that nobody killed. Takes some seconds
 * for a round: `npm run kill-at-random -- --rounds 50 --seed 0`. Tests kill at each single write; this finds what lies
 * between.
 */
import { spawn, spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { libraryHistory } from "../src/library/history.ts";
import { Keepsake } from "../src/keepsake/keepsake.ts";
import { sha256 } from "../src/io/hash.ts";
import { RandomStream } from "../src/random/random.ts";
import { trainingSeed } from "../src/cli/options.ts";
import { atLeastOne, readArguments, tool } from "./tool.ts";

const { rounds, seed } = readArguments(
  tool(
    "Kills keepsake at random moments and checks that the library is whole and the repeated command ends alike.",
    "npm run kill-at-random --",
  )
    .option("--rounds <n>", "kills, some seconds each", atLeastOne, 50)
    .option("--seed <n>", "seed of the moments", trainingSeed, 0),
).opts<{ rounds: number; seed: number }>();
const random = new RandomStream(seed, "kill at random");
const MODEL = "test/fixtures/models/tiny-sd1";
const MAIN = "dist/cli/main.js";

/** A command, and the words by which a repetition says that it had been done before it was killed. */
interface Command {
  readonly args: readonly string[];
  readonly done: string;
  /** What it takes when nobody kills it, in milliseconds. */
  duration: number;
}

const folder = await mkdtemp(join(tmpdir(), "keepsake-kill-"));
try {
  await killAtRandom();
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function killAtRandom(): Promise<void> {
  const original = join(folder, "original");
  const photos = join(folder, "photos");
  await drawPhotos(photos);
  const learn = (name: string) => [
    ...["learn", name, photos, "--class", "dog", "--model", MODEL, "--steps", "4", "--snapshot-every", "1"],
    ...["--resolution", "32", "--rank", "2", "--threads", "1"],
  ];
  for (const name of ["dog", "mug"]) run(learn(name), original);
  const { states } = await libraryHistory(original);
  const commands: Command[] = [
    { args: learn("cup"), done: "already knows", duration: 0 },
    { args: ["undo", "--to", states.at(-1)?.id ?? ""], done: "", duration: 0 },
    { args: ["forget", "dog", "--purge"], done: "does not know", duration: 0 },
  ];
  const finished = new Map<Command, string>();
  for (const command of commands) {
    const library = join(folder, "straight");
    await cp(original, library, { recursive: true });
    const start = performance.now();
    run(command.args, library);
    command.duration = performance.now() - start;
    finished.set(command, await digestOf(library));
    await rm(library, { recursive: true });
  }
  let kills = 0;
  for (let round = 0; round < rounds; round++) {
    const command = commands[round % commands.length];
    if (command === undefined) break;
    const library = join(folder, `round ${round}`);
    await cp(original, library, { recursive: true });
    // Learning has more to lose than the others, and is killed up to twice.
    const times = round % 2 === 0 ? 1 : 2;
    for (let i = 0; i < times; i++) {
      const [moment] = random.uniform(1);
      if (await wasKilled(command.args, library, moment * command.duration)) kills++;
      const keepsake = await Keepsake.open(library, { lazy: true });
      const { faults } = await keepsake.verify();
      await keepsake.close();
      if (faults.length > 0) throw new Error(`round ${round}: ${faults.map(({ file, fault }) => file + fault).join()}`);
    }
    run(command.args, library, command.done);
    if ((await digestOf(library)) !== finished.get(command)) {
      throw new Error(`round ${round}: ${command.args.join(" ")} ends in other bytes`);
    }
    await rm(library, { recursive: true });
    process.stderr.write(`round ${round + 1}/${rounds}, ${kills} kills\n`);
  }
  process.stdout.write(`${kills} kills in ${rounds} rounds: always whole, always the same bytes\n`);
}

/** Runs a command to its end, which may be to say that there is nothing left to do. */
function run(args: readonly string[], library: string, done = ""): void {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args, "--library", library], { encoding: "utf8" });
  const wasDone = done !== "" && status === 5 && stderr.includes(done);
  if (status !== 0 && !wasDone) throw new Error(`keepsake ${args.join(" ")}: ${stderr}`);
}

/** Runs a command for so long at most. @returns whether it was killed before it ended */
function wasKilled(args: readonly string[], library: string, milliseconds: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args, "--library", library], { stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
    child.on("error", reject);
    child.on("close", (_, signal) => {
      clearTimeout(timer);
      resolve(signal === "SIGKILL");
    });
  });
}

async function digestOf(library: string): Promise<string> {
  const files = await readdir(library, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  const parts = await Promise.all(
    paths.sort().map(async (path) => [path.slice(library.length), sha256(await readFile(path))]),
  );
  return sha256(JSON.stringify(parts));
}

async function drawPhotos(photos: string): Promise<void> {
  await mkdir(photos);
  for (let i = 0; i < 2; i++) {
    const noise = Uint8Array.from(random.integers(64 * 64 * 3, 256));
    await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } }).toFile(join(photos, `${i}.png`));
  }
}
