import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { formatTable, printable, TimeLeft } from "../../src/cli/output.ts";
import { formatBytes, formatDuration } from "../../src/units.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { keepsake, keepsakeHere, MAIN } from "./support.ts";

describe("keepsake --help", () => {
  it("says what there is and where to start, on stdout", async () => {
    const { code, stdout, stderr } = await keepsake(["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const words of ["learn [options]", "generate [options]", "Start here:", "Exit codes:", "130 stopped"]) {
      expect(stdout).toContain(words);
    }
  });

  it.each(["learn", "generate"])("gives examples and defaults for %s", async (command) => {
    const { code, stdout, stderr } = await keepsakeHere([command, "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Examples:");
    expect(stdout).toContain(`  keepsake ${command} `);
    expect(stdout).toMatch(/--steps <n> .*\(default: \d+/);
  });

  it.each([
    "init",
    "learn-all",
    "previews",
    "strategies",
    "list",
    "history",
    "undo",
    "redo",
    "forget",
    "verify",
    "export",
    "import",
  ])("gives examples for %s", async (command) => {
    const { code, stdout, stderr } = await keepsakeHere([command, "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`Examples:\n  keepsake ${command}`);
    expect(stdout).toContain("--json");
  });

  it("is no wider than 120 columns, of any command", async () => {
    const { stdout } = await keepsake(["--help"]);
    const commands = [...stdout.matchAll(/^ {2}([a-z-]+) .*\[options\]/gm)].map(([, name]) => name);
    expect(commands.length).toBeGreaterThan(20);
    const helps = [stdout];
    for (const command of commands) helps.push((await keepsakeHere([command, "--help"])).stdout);
    expect(helps.flatMap((help) => help.split("\n")).filter((line) => line.length > 120)).toEqual([]);
  });

  it("says honestly what forgetting leaves behind", async () => {
    const { stdout } = await keepsakeHere(["forget", "--help"]);
    expect(stdout.replace(/\s+/g, " ")).toContain("it was trained on this one and keeps traces of it");
  });

  it("documents what happens to long prompts and to class nouns of several tokens", async () => {
    expect((await keepsakeHere(["generate", "--help"])).stdout.replace(/\s+/g, " ")).toContain(
      "A prompt of any length is read, in parts of 75 tokens (30 with the built-in model)",
    );
    expect((await keepsakeHere(["learn", "--help"])).stdout.replace(/\s+/g, " ")).toContain("mean of their embeddings");
  });

  it("lists the strategies, and the options of each", async () => {
    const { stdout } = await keepsakeHere(["strategies"]);
    expect(stdout).toContain("kv-nullspace (default): ");
    expect(stdout).toMatch(/^ewc-dc: /m);
    expect(stdout).not.toMatch(/^joint: /m);
    const one = await keepsakeHere(["strategies", "ewc"]);
    expect(one.stdout).toMatch(/^ {2}lambda=\d+ {2}.*\(number of at least 0\)$/m);
    const unknown = await keepsakeHere(["strategies", "ewx"]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('There is no strategy "ewx"');
  });

  it("is what comes without a command, which is a mistake", async () => {
    const { code, stdout, stderr } = await keepsakeHere([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Start here:");
  });

  it("has a version", async () => {
    const { code, stdout } = await keepsakeHere(["--version"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("a mistake in the command", () => {
  it.each([
    { args: ["lern"], words: "unknown command 'lern' (Did you mean learn?)" },
    {
      args: ["learn", "a", "b", "--class", "c", "--step", "4"],
      words: "unknown option '--step' (Did you mean --steps?)",
    },
    { args: ["learn"], words: "'name'; for example: keepsake learn mochi ./photos/mochi --class cat" },
    { args: ["learn", "a"], words: "'photos'; for example: keepsake learn mochi ./photos/mochi --class cat" },
    { args: ["learn", "a", "my photos"], words: "e.g. keepsake learn a 'my photos' --class cat" },
    { args: ["learn", "--class", "c"], words: "missing required argument 'name'" },
    { args: ["learn", "<Rex>", "b", "--class", "c"], words: "beginning with a letter or digit, e.g. rex." },
    { args: ["learn", "a", "b", "--class", "<dog>"], words: '"<dog>" is no class noun' },
    {
      args: ["learn", "a", "b", "--class", "c", "--previews", "x.webp"],
      words: "give a name that ends in .png, e.g. x.png",
    },
    { args: ["previews", "-o", "sheet.jpeg"], words: "give a name that ends in .png, e.g. sheet.png" },
    {
      args: ["generate", "two", "dogs", "at night"],
      words: "Expected 1 argument but got 3; put the prompt in quotes: keepsake generate 'two dogs at night'",
    },
    { args: ["generate", "a", "$(date)"], words: "put the prompt in quotes: keepsake generate 'a $(date)'" },
    { args: ["list", "mine"], words: "name a library with --library: keepsake list --library mine" },
    { args: ["generate", "a", "-o", "dog.JPG"], words: "dog.JPG: pictures are written as PNG" },
    { args: ["generate", "a", "--scheduler", "Euler"], words: "choose one of ddpm, ddim, pndm" },
    { args: ["learn", "a", "b", "--class", "c", "--lr-scheduler", "fast"], words: "constant, linear, cosine" },
    { args: ["learn", "a", "b", "--class", "c", "--adapter", "loha"], words: "lora, vera, dora" },
    {
      args: ["generate", "a", "--steps", "0"],
      words: "'--steps <n>' argument '0' is invalid. It must be a whole number",
    },
    { args: ["generate", "a", "--guidance", "NaN"], words: "argument 'NaN' is invalid. It must be a number" },
    { args: ["generate", "a", "--seed", "-1"], words: "There is no random seed" },
    { args: ["generate", "a", "--seed", "18446744073709551616"], words: "from 0 to 18446744073709551615" },
    { args: ["learn", "a", "b", "--class", "c", "--seed", "9007199254740992"], words: "from 0 to 9007199254740991" },
    { args: ["generate", "a", "--provider", "tpu"], words: "It must be one of cpu, webgpu" },
    {
      args: ["learn", "a", "b", "--class", "c", "--strategy-option", "lambda=1"],
      words: "--strategy-option needs --strategy, e.g.",
    },
    { args: ["learn", "a", "b", "--class", "c", "--rank", "50000"], words: "It must be a whole number from 1 to 4096" },
    {
      args: ["generate", "a", "--threads", "100000"],
      words: "argument '100000' is invalid. It must be a whole number from 1",
    },
    { args: ["learn", "a", "b", "--class", "c", "--alpha", "0"], words: "It must be a number above 0" },
    { args: ["forget"], words: "missing required argument 'name'" },
    { args: ["forget", "a", "b"], words: "too many arguments for 'forget'" },
    { args: ["forget", "a", "--steps", "4"], words: "--steps is an option of --unlearn" },
    { args: ["forget", "a", "--prediction-type", "epsilon"], words: "--prediction-type is an option of --unlearn" },
    { args: ["generate", "a", "--prediction-type", "noise"], words: "Allowed choices are epsilon, v_prediction." },
    { args: ["generate", "a", "--vae", ""], words: "--vae is empty" },
    { args: ["generate", "a", "--family", "sdxl"], words: "--family is for a checkpoint of yours" },
    { args: ["learn", "a", "b", "--class", "c", "--vae", "v"], words: "name the checkpoint with --model <path>" },
    { args: ["forget", "a", "--unlearn", "--steps", "0"], words: "It must be a whole number from 1 to" },
    { args: ["pull"], words: "'model'; for example: keepsake pull stable-diffusion-v1-5/stable-diffusion-v1-5" },
    { args: ["pull", "a/b", "c/d"], words: "it takes one: keepsake pull a/b" },
    { args: ["pull", "sd15"], words: '"sd15" is no model of the Hugging Face Hub; give <owner>/<name>' },
    { args: ["pull", "a/../b"], words: "is no model of the Hugging Face Hub" },
    { args: ["pull", "a/b", "--variant", "int8"], words: "Allowed choices are fp16, bf16, fp32." },
    { args: ["learn-all"], words: "missing required argument 'thing'" },
    { args: ["history", "--keep", "-1"], words: "It must be a whole number from 0 to" },
    { args: ["init", "x", "--keep", "1.5"], words: "It must be a whole number from 0 to" },
    { args: ["undo", "3f2a"], words: "to return to a state: keepsake undo --to 3f2a" },
    { args: ["generate", "a", "-n", "2", "-o", "x.png"], words: "2 pictures do not fit the one file x.png" },
    { args: ["generate", "\u001b[31mred", "\u009bx"], words: "too many arguments" },
    { args: ["\u001b]0;title\u0007"], words: "unknown command '\ufffd]0;title\ufffd'" },
    { args: ["generate", "--foo\nbar", "x"], words: "unknown option '--foo bar'" },
    { args: ["generate", "x", "--steps", "1\n2"], words: "argument '1 2' is invalid" },
    { args: ["list", "a\nb"], words: "keepsake list --library 'a b'" },
    { args: ["help", "nosuch"], words: "unknown command 'nosuch'" },
    { args: ["help", "lern"], words: "did you mean learn?" },
    { args: ["help", "list", "all"], words: "it takes one: keepsake help list" },
    { args: ["list", "--library", ""], words: "--library is empty" },
    { args: ["verify", "--library="], words: "--library is empty" },
    { args: ["generate", "a cat", "-o", ""], words: "--output is empty" },
    { args: ["generate", "a cat", "--model", ""], words: "--model is empty" },
    { args: ["learn", "a", "b", "--class", "c", "--previews", ""], words: "--previews is empty" },
    { args: ["learn", "a", "b", "", "--class", "c"], words: "An argument of learn is empty" },
    { args: ["classify", ""], words: "An argument of classify is empty" },
    { args: ["init", ""], words: "An argument of init is empty" },
  ])("$args is said on stderr, with exit code 2", async ({ args, words }) => {
    const { code, stdout, stderr } = await keepsakeHere(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^error: [^\n]*\n$/);
    expect(stderr).toContain(words);
    // eslint-disable-next-line no-control-regex -- control characters must not reach a terminal
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});

describe("a mistake of any length", () => {
  it("is said in a line that can be read", async () => {
    const long = "x".repeat(100_000);
    for (const args of [[long], ["list", long], ["generate", "a", `--${long}`], ["generate", "a", "--steps", long]]) {
      const { code, stderr } = await keepsake(args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error: [^\n]{1,1000}\n$/);
    }
  });
});

describe("keepsake help", () => {
  it("shows the help of one command, or of all", async () => {
    const outcome = await keepsakeHere(["help", "list"]);
    expect(outcome).toEqual(await keepsakeHere(["list", "--help"]));
    expect(await keepsakeHere(["help"])).toEqual(await keepsakeHere(["--help"]));
  });
});

describe("a current folder that no longer exists", () => {
  const inFolder = temporaryFolder();

  it.each(["list", "verify", "generate a-cat", "classify a.png"])("is what %s says, in one line", (command) => {
    const folder = inFolder("gone");
    const script = 'mkdir "$1"; cd "$1"; rmdir "$1"; exec "$2" "$3" $4';
    const args = ["-c", script, "bash", folder, process.execPath, MAIN, command];
    const { status, stdout, stderr } = spawnSync("bash", args, { encoding: "utf8" });
    expect([status, stdout]).toEqual([4, ""]);
    expect(stderr).toMatch(/^error: The current folder no longer exists; cd to another one\.\n$/m);
    expect(stderr).not.toContain("defect");
  });
});

describe("printable", () => {
  it("takes away what a terminal would obey, and keeps text of any language", () => {
    expect(printable("\u001b[2J\u009b31m\u0007\r\u202egnp.exe\u2066")).toBe(
      "\ufffd[2J\ufffd31m\ufffd\ufffd\ufffdgnp.exe\ufffd",
    );
    expect(printable("Größe 猫 кошка 👩‍🎨\nline")).toBe("Größe 猫 кошка 👩‍🎨\nline");
  });
});

describe("sizes and tables", () => {
  it("are said as people say them", () => {
    expect([0, 999, 1000, 2149, 99_400, 99_500, 34_000_000, 999_600, 5.1e12].map(formatBytes)).toEqual([
      ...["0 B", "999 B", "1.0 kB", "2.1 kB", "99.4 kB", "100 kB", "34.0 MB", "1.0 MB", "5100 GB"],
    ]);
    expect(
      formatTable([
        ["a", "bb", "c"],
        ["aaa", "b", ""],
      ]),
    ).toBe("a    bb  c\naaa  b");
    expect(formatTable([])).toBe("");
  });
});

describe("the time left", () => {
  it("is said as people say it", () => {
    expect([0, 59.4, 60, 200, 3600, 7500].map(formatDuration)).toEqual([
      ...["0 s", "59 s", "1 min 0 s", "3 min 20 s", "1 h 0 min", "2 h 5 min"],
    ]);
  });

  it("is unknown after the first step, and nothing after the last", () => {
    const timeLeft = new TimeLeft();
    expect(timeLeft.after(5, 7)).toBeUndefined();
    expect(timeLeft.after(6, 7)).toBeGreaterThanOrEqual(0);
    expect(timeLeft.after(7, 7)).toBe(0);
  });
});
