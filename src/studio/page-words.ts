/**
 * @file What the facade says, in words of the page. Its messages name commands and options, for those who type them;
 * where the page has a button or a field for it, it says that one instead. What only the command line can do stays as
 * it is.
 */

/** In this order. What is between quotes may be a whole command, with quotes of its own. */
const WORDS: readonly (readonly [said: RegExp, onThePage: string])[] = [
  // A concept that is known, or is not.
  [
    /add --more to go on teaching it, --replace to begin it anew,/,
    "say on Teach whether it is taught more or begins anew,",
  ],
  [/leave --(?:more|replace) out to teach it as a new concept/, "teach it as a new concept"],
  [/leave the option out, or begin it anew with --replace/, "keep that, or begin it anew"],
  [/, e\.g\. --class cat/, ", e.g. cat"],
  // A run that is unfinished.
  [
    /go on with it by "keepsake learn .*", or (?:give it up by ".*"|add --restart to give it up)/s,
    "go on with it or give it up on Watch",
  ],
  [/learn it again with --restart and a lower --lr/, "give the run up, and teach it again with a lower learning rate"],
  // States.
  [/"keepsake history" lists the states that are kept/, "History on Remember has the states that are kept"],
  [/"keepsake history" lists those that are kept/, "History on Remember has those that are kept"],
  [/more are kept with "keepsake history --keep"/, "Settings say how many are kept"],
  [/keep fewer states with "keepsake history --keep"/, "keep fewer states in Settings"],
  [/"keepsake redo" goes forward/, "Redo goes forward"],
  [/return to an earlier state with "keepsake undo"/, "go back to an earlier state on Remember"],
  [
    /leave --unlearn out, or return to a state from before it was learned with "keepsake undo --to"/,
    "take its name away alone, or go back to a state from before it was learned on Remember",
  ],
  [/ Fewer --steps may help\./, ""],
  [/see "keepsake verify", and restore/, "check the library’s files, and restore"],
  // Photos and models.
  [/"keepsake learn" teaches the first one/, "Teach the first one"],
  [/learn something with "keepsake learn"/, "teach something"],
  [/download it again with keepsake pull \S+(?: --variant \S+)?/, "download it again in Settings"],
  [
    /(to download it|download it first): keepsake pull ('[^']*'|\S+?)(?=[.,]?$|,)/,
    "$1, give its name to Download in Settings",
  ],
  [/give that file as --model/, "give that file as the model in Settings"],
  [/ \("keepsake generate --help" lists them\)/, ""],
  // Memory and time: checkpointing is chosen by itself, and a step has the photos that it has.
  [/, and --checkpointing takes less/, ""],
  [/use a smaller --batch-size, or close/, "close"],
  [/ or --batch-size, or add --checkpointing/, ""],
  [/ \(--width, --height\)/, ""],
  [/ \(with --scheduler\)/, ""],
];

/** Fields of the page by the option that does the same. */
const FIELDS: Readonly<Record<string, string>> = {
  ...{ "--resolution": "resolution", "--steps": "steps", "--lr": "learning rate", "--rank": "rank", "--seed": "seed" },
  ...{ "--strategy": "strategy", "--scheduler": "scheduler", "--guidance": "guidance", "--class": "kind of thing" },
  ...{ "--more": "more", "--replace": "anew", "--adapter": "adapter", "--alpha": "alpha", "--targets": "targets" },
};

export function inPageWords(message: string): string {
  const worded = WORDS.reduce((text, [said, onThePage]) => text.replace(said, onThePage), message);
  return worded.replace(/--[a-z-]+/g, (option) => FIELDS[option] ?? option);
}
