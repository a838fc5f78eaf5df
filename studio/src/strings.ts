/**
 * @file Everything that the page says, in English. To translate it: this file again in the other language.
 * Long because a translator finds every word in one place.
 */
import type { JobRequest, JobStatus } from "../../src/studio/api.ts";
import type { Again, Answer, Change, ForgetFacts } from "./state/contract.ts";
import { formatBytes, formatCount } from "./parts/format.ts";

const plural = (count: number, one: string, many: string) => `${formatCount(count)} ${count === 1 ? one : many}`;
const ORDINALS = new Intl.PluralRules("en", { type: "ordinal" });
const SUFFIXES = { zero: "th", one: "st", two: "nd", few: "rd", many: "th", other: "th" };
const ordinal = (place: number) => `${place}${SUFFIXES[ORDINALS.select(place)]}`;

/** Words for a concept that is new, or is taught again. */
const byAgain = (again: Again | undefined, words: Readonly<Record<Again | "new", string>>) => words[again ?? "new"];
const learning = (name: string, again?: Again) =>
  byAgain(again, {
    new: `Learning ${name}`,
    more: `Learning more of ${name}`,
    replaced: `Learning ${name} anew`,
  });
const learned = (name: string, again?: Again) =>
  byAgain(again, {
    new: `${name} is learned`,
    more: `More of ${name} is learned`,
    replaced: `${name} is learned anew`,
  });

/** A plain name, and a sentence on what it is for. */
export interface Words {
  readonly name: string;
  readonly about?: string;
}

const STRATEGIES: Readonly<Record<string, Words>> = {
  sequential: { name: "No protection", about: "One concept after another is trained; earlier ones are forgotten." },
  "textual-inversion": {
    name: "Token only",
    about: "Only the new token is learned: nothing can be forgotten, but less is learned.",
  },
  ewc: { name: "Hold what matters", about: "What mattered for earlier concepts may change least." },
  "ewc-dc": {
    name: "Hold what tells concepts apart",
    about: "What told earlier concepts apart may change least.",
  },
  dsc: {
    name: "Learn beside the old model",
    about:
      "The model from before says how it draws earlier concepts and tells them apart, and the new one keeps to it.",
  },
  "dsc-ewc": {
    name: "Old model, and hold what matters",
    about: "The model from before is kept to, and what mattered for earlier concepts may change least.",
  },
  "dsc-ewc-dc": {
    name: "Old model, and hold what tells apart",
    about: "The model from before is kept to, and what told earlier concepts apart may change least.",
  },
  "kfac-ewc-dc": {
    name: "Hold what prompts see",
    about: "What earlier prompts make of the model may change least; what no prompt sees is free.",
  },
  "kv-nullspace": {
    name: "Leave earlier prompts alone",
    about: "The new concept changes only what earlier and everyday prompts do not see.",
  },
  replay: {
    name: "Draw what is known",
    about: "The model draws what it knows before it learns, and goes on seeing these pictures as it did.",
  },
  "c-lora": {
    name: "Leave used weights alone",
    about: "Each concept has a LoRA of its own, kept from weights that earlier ones changed.",
  },
  "merge-and-restart": {
    name: "Merge and begin anew",
    about: "What was learned is merged, and the next concept begins with a new LoRA.",
  },
  "orthogonal-init": {
    name: "Merge and begin elsewhere",
    about: "What was learned is merged, and the new LoRA begins in other directions.",
  },
  "custom-diffusion": {
    name: "Whole matrices",
    about: "Whole key and value matrices are trained in place of a LoRA; earlier concepts are forgotten.",
  },
};

const SCHEDULERS: Readonly<Record<string, Words>> = {
  ddpm: { name: "DDPM", about: "The original: new noise at each step, and many steps." },
  ddim: { name: "DDIM", about: "Without new noise: a seed gives much the same picture with more steps or fewer." },
  pndm: { name: "PNDM", about: "Goes by the last four steps: what Stable Diffusion 1 came with." },
  euler: { name: "Euler", about: "The simplest: one straight line for each step." },
  "euler-a": {
    name: "Euler ancestral",
    about: "Euler with new noise at each step: each number of steps is another picture.",
  },
  dpmpp2m: { name: "DPM++ 2M", about: "Goes by the last two steps: sharp with few steps." },
  "dpmpp2m-karras": { name: "DPM++ 2M Karras", about: "DPM++ 2M with small steps at the end, for detail." },
  "dpmpp2m-sde": { name: "DPM++ 2M SDE", about: "DPM++ 2M with new noise at each step." },
  "dpmpp2m-sde-karras": {
    name: "DPM++ 2M SDE Karras",
    about: "DPM++ 2M with new noise at each step, and small steps at the end.",
  },
  dpmpp2s: { name: "DPM++ 2S", about: "DPM++ that takes its steps in pairs." },
  unipc: { name: "UniPC", about: "Corrects each step by the next: sharp with very few steps." },
  lcm: { name: "LCM", about: "For LCM models: a picture in four to eight steps." },
  tcd: { name: "TCD", about: "For models made for few steps, with more detail than LCM." },
  heun: { name: "Heun", about: "Tries each step twice: more exact than Euler, in twice the time." },
  kdpm2: { name: "DPM2", about: "Looks half a step ahead: more exact than Euler, in twice the time." },
  "kdpm2-a": { name: "DPM2 ancestral", about: "DPM2 with new noise at each step." },
  lms: { name: "LMS", about: "Goes by the last four steps: smoother than Euler." },
  deis: { name: "DEIS", about: "Goes by the last steps: made for few of them." },
};

/** @param about - in the words of commands, for one that this page does not know */
export function strategyWords(strategy: string, about?: string): Words {
  return STRATEGIES[strategy] ?? { name: strategy, about };
}

export function schedulerWords(scheduler: string): Words {
  return SCHEDULERS[scheduler] ?? { name: scheduler };
}

export const text = {
  app: {
    name: "Keepsake",
    titleOf: (screen: string) => `${screen} · Keepsake Studio`,
    skip: "Skip to content",
    navigation: "Screens",
    opening: "Opening your library …",
    libraryFault: "Your library cannot be read",
    openDoctor: "Look into it",
  },
  nav: {
    concepts: "Concepts",
    teach: "Teach",
    watch: "Watch",
    remember: "Remember",
    draw: "Draw",
    ask: "Ask",
    settings: "Settings",
  },
  common: {
    close: "Close",
    save: "Save",
    stop: "Stop",
    working: "Working …",
    /** @param code - as commands name it */
    namedOption: (name: string, code: string, isDefault: boolean) =>
      [name, ...(name.toLowerCase() === code ? [] : [code]), ...(isDefault ? ["default"] : [])].join(" · "),
    notDrawn: (what: string) => `${what}: not drawn yet`,
  },
  connection: {
    lost: "Keepsake does not answer. Training goes on if it is still running; this page reconnects by itself.",
    unreachable: "Keepsake does not answer. Is it still running?",
    locked: "This page may not talk to Keepsake.",
    openAgain: "This page then comes back by itself.",
    status: (status: number) => `Keepsake answered with an error (${status}).`,
  },
  jobs: {
    learn: "Training",
    plan: "Planning",
    draw: "Drawing",
    ask: "Comparing",
    previews: "Drawing previews",
    remember: "Comparing states",
    export: "Writing a file",
    doctor: "Checking this machine",
    verify: "Checking the library",
    unlearn: "Unlearning",
    pull: "Downloading",
    forget: "Forgetting",
    rename: "Renaming",
    undo: "Undoing",
    redo: "Redoing",
    keep: "Saving",
    "choose-model": "Opening the model",
  } satisfies Record<JobRequest["kind"], string>,
  drop: {
    choosePhotos: "Choose photos",
    choosePhoto: "Choose a photo",
    chooseFolder: "Choose a folder",
  },
  welcome: {
    title: "Teach a picture model the things you love",
    lead:
      "Show Keepsake a few photos of your cat, your mug or your friend’s robot, and it draws them in any scene. " +
      "It learns one after another, and keeps the ones before.",
    drop: "Drop 4–10 photos of something you love",
    dropHint: "One thing, seen in different places. Your photos never leave this machine, and none is kept.",
    steps: [
      { name: "Teach", about: "Photos, a name, and what kind of thing it is." },
      { name: "Watch", about: "See it being learned, with every earlier concept beside it." },
      { name: "Draw", about: "Ask for it in any scene. Undo whenever you like." },
    ],
    builtIn: "This library uses the built-in model: quick to try, but its pictures are 64 pixels small and soft.",
    otherModel: "For real photos, choose Stable Diffusion.",
  },
  concepts: {
    title: "Concepts",
    lead: (count: number) =>
      count === 1
        ? "One concept so far. The next one will not replace it."
        : `${count} concepts, in the order they were learned.`,
    teach: "Teach another",
    exportAll: "Save all as LoRA",
    previewOf: (name: string) => `A photo of ${name}, drawn from a fixed seed`,
    learned: (place: number, { steps, taught }: { readonly steps?: number; readonly taught?: number }) =>
      steps === undefined
        ? `${ordinal(place)}, imported from a file`
        : [
            `Learned ${ordinal(place)}`,
            plural(steps, "step", "steps"),
            ...(taught === undefined ? [] : [`taught ${taught} times`]),
          ].join(" · "),
    draw: (name: string) => `Draw ${name}`,
    actionsOf: (name: string) => `More for ${name}`,
    actions: { teach: "Teach more photos", rename: "Rename", export: "Save as LoRA", forget: "Forget" },
  },
  rename: {
    title: (name: string) => `Rename ${name}`,
    label: "New name",
    hint: "Small letters, digits, - and _. Prompts use the new name from now on; nothing is learned again.",
    taken: (name: string) => `Your library knows ${name} already; choose another name.`,
    save: "Rename",
    done: (name: string, to: string) => `${name} is now called ${to}.`,
  },
  forget: {
    title: (name: string) => `Forget ${name}`,
    how: "How thoroughly?",
    ways: {
      token: { name: "Take its name away", about: "Prompts cannot name it any more. You can undo this." },
      unlearn: {
        name: "Train it away too",
        about: "Takes a while. Removes what the model learned as far as it can, and says how far it got.",
      },
      purge: {
        name: "Delete earlier states too",
        about: "Deletes every kept state that knows it. This cannot be undone.",
      },
    },
    limit:
      "All concepts share one adapter. What it learned from the photos stays in it until it is trained away, " +
      "until you undo that training run, or until no concept is left.",
    confirm: (name: string) => `Forget ${name}`,
    done: (name: string, remains: ForgetFacts["remains"], heldBy: number) =>
      [
        `${name} is forgotten.`,
        remains === "nothing" ? "No trace is left in the current state." : "The shared adapter keeps traces of it.",
        ...(heldBy > 0 ? [`${plural(heldBy, "earlier state", "earlier states")} can bring it back.`] : []),
      ].join(" "),
  },
  export: {
    title: (name?: string) => (name === undefined ? "Save all concepts as LoRA" : `Save ${name} as LoRA`),
    format: "For which program?",
    formats: {
      kohya: { name: "ComfyUI, AUTOMATIC1111, Forge", about: "A LoRA in kohya’s layout, with the tokens." },
      diffusers: { name: "diffusers", about: "A LoRA and an embedding for each token." },
      peft: { name: "PEFT", about: "An adapter folder for Python programs." },
      "textual-inversion": { name: "Embedding only", about: "The token without the LoRA: small, and less exact." },
    },
    half: "Half precision: half the size, numbers rounded",
    shares: "The LoRA is shared, so it carries traces of every concept. The file holds no photo, caption or path.",
    write: "Prepare the file",
    save: (file: string, size: string) => `Save ${file} (${size})`,
  },
  unfinished: {
    label: "Unfinished training",
    line: (name: string, step: number, steps: number) =>
      `${name} is unfinished: ${formatCount(step)} of ${formatCount(steps)} steps are done and saved.`,
    dropAgain: "To go on, drop the same photos again.",
    goOn: "Go on",
    toTeach: "Drop the photos",
    giveUp: "Give it up",
  },
  teach: {
    title: "Teach",
    lead: "Photos of one thing, a name for it, and what kind of thing it is.",
    photos: "Photos",
    photosHint: (side: number) =>
      `Training sees these squares, at ${side} × ${side} pixels. Move a crop if the thing is cut off.`,
    arriving: (count: number) => `Reading ${plural(count, "photo", "photos")} …`,
    dropMore: "Add more",
    dropHint:
      "Or a whole folder. JPEG, HEIC, PNG, WebP, AVIF and TIFF. A text file beside a photo becomes its caption.",
    tooMany: (most: number) => `At most ${most} photos can be taught at once.`,
    noPictures: "There is no photo among these files.",
    tooLarge: (name: string, most: number) => `${name} is larger than ${formatBytes(most)}.`,
    cropOf: (place: number, name: string) => `Photo ${place}, ${name}, as training sees it`,
    crop: (name: string) => `Move the crop of ${name}`,
    cropShort: "Crop",
    mask: (name: string) => `Paint a mask for ${name}`,
    hasMask: (name: string) => `Change the mask of ${name}`,
    maskShort: "Mask",
    remove: (name: string) => `Remove ${name}`,
    removeShort: "Remove",
    captionOf: (name: string) => `What else ${name} shows`,
    caption: "e.g. on the beach",
    names: "Name",
    name: "Name",
    namePlaceholder: "mochi",
    nameHint: "Small letters, digits, - and _.",
    nameUse: (name: string) => `In prompts you write <${name}>.`,
    nameKnown: (name: string) => `Your library knows ${name}. For another thing, choose another name.`,
    again: (name: string) => `What is to become of ${name}?`,
    ways: {
      more: {
        name: "Teach it more",
        about: "It goes on from what it is, and what it was is kept like other concepts.",
      },
      replaced: {
        name: "Begin it anew",
        about: "It starts from its kind of thing again, and keeps its place and name.",
      },
    },
    classNoun: "Kind of thing",
    classNounPlaceholder: "cat",
    classNounHint: "An everyday noun: cat, mug, robot.",
    classNounKept: "As it was taught.",
    how: "How thorough",
    preset: "Preset",
    presets: {
      quick: { name: "Quick", about: (steps: number) => `A first look · ${formatCount(steps)} steps` },
      normal: { name: "Normal", about: (steps: number) => `Good for most · ${formatCount(steps)} steps` },
      careful: { name: "Careful", about: (steps: number) => `More detail · ${formatCount(steps)} steps` },
    },
  },
  crop: {
    title: "Crop",
    hint: "Drag to move, scroll to zoom. With the keyboard: arrow keys, + and −.",
    label: (name: string) => `Crop of ${name}: arrow keys move it, plus and minus zoom`,
    zoom: "Zoom",
    reset: "Whole photo",
    save: "Use this crop",
  },
  mask: {
    title: "Mask",
    hint: "Paint over the thing itself. The rest of the photo then does not count. With the keyboard: arrow keys, space paints, Ctrl+Z takes back.",
    label: (name: string) =>
      `Mask of ${name}: arrow keys move the brush, space paints, shift with arrows paints a line`,
    tool: "Tool",
    tools: { paint: "Paint", erase: "Erase" },
    size: "Brush",
    import: "Import a PNG",
    undo: "Undo",
    clear: "Clear",
    remove: "Remove the mask",
    save: "Use this mask",
  },
  expert: {
    title: "For experts",
    strategy: "How earlier concepts are kept",
    steps: "Steps",
    budget: "Or minutes",
    learningRate: "Learning rate",
    rank: "Rank of the LoRA",
    resolution: "Resolution",
    seed: "Seed",
    sampleEvery: "Samples every … steps",
    flip: "Mirror photos at random",
    none: "no limit",
    automatic: "automatic",
    quarter: "a quarter of all",
  },
  plan: {
    title: "Plan",
    missing: "Still missing:",
    needsPhotos: "photos",
    needsName: "a name",
    needsClassNoun: "what kind of thing it is",
    nameFault: "a name that works",
    classNounFault: "a kind of thing that works",
    working: "Measuring this machine …",
    about: (time: string) => `About ${time}`,
    steps: "Training",
    stepsOf: (steps: string, photos: number) => `${steps} steps, ${plural(photos, "photo", "photos")}`,
    memory: "Memory",
    ofFree: (free: string) => `of ${free} free`,
    disk: "On disk",
    tight: "This is more than is free. Close other programs, or lower the resolution.",
    start: (name: string, again?: Again) =>
      name === ""
        ? "Start"
        : byAgain(again, { new: `Teach ${name}`, more: `Teach ${name} more`, replaced: `Teach ${name} anew` }),
    again: {
      more: (name: string) => `${name} is taught more: it goes on from what it is.`,
      replaced: (name: string) => `${name} begins anew. An undo brings back what it was.`,
    },
    queue: "Teach after the one that runs",
    unfinished: (name: string) => `the end of ${name}: go on with it, or give it up`,
    fewPhotos: (count: number) => `${plural(count, "photo", "photos")}: 4 to 10 in different places teach better.`,
    builtIn: "The built-in model is for drawings. For real photos, choose Stable Diffusion in a library of its own.",
    promise: "You can stop at any time, lose nothing, and undo it afterwards.",
  },
  watch: {
    title: "Watch",
    empty: "Nothing is being learned. When something is, you see it here, with every earlier concept beside it.",
    toTeach: "Teach something",
    titleOf: (name: string, status: JobStatus, again?: Again) =>
      ({
        waiting: `${name} waits its turn`,
        running: learning(name, again),
        stopping: `Stopping ${name}`,
        stopped: `${name} is stopped`,
        done: learned(name, again),
        failed: `${name} was not learned`,
      })[status],
    about: {
      waiting: "It starts when the job before it ends.",
      running: "You may close this page; training goes on.",
      stopping: "The step that runs is finished and saved.",
      stopped: "Every step so far is saved.",
      done: "Compare every concept before and after, or draw it in a new scene.",
      failed: "Your library is as it was.",
    } satisfies Record<JobStatus, string>,
    learning,
    left: (time: string) => `${time} left`,
    leftUnknown: "Starting …",
    of: (done: string, count: string) => `${done} of ${count}`,
    progress: "Progress",
    phaseOf: (phase?: string) =>
      ({ encoding: "Reading photos", training: "Training", previews: "Drawing samples" })[phase ?? ""] ??
      phase ??
      "Preparing",
    stop: "Stop and keep",
    resume: "Go on",
    toRemember: "See what changed",
    toDraw: (name: string) => `Draw ${name}`,
    taught: (again?: Again) => byAgain(again, { new: "New", more: "Taught more", replaced: "Begun anew" }),
    earlier: "Earlier concepts",
    noEarlier: "There is no other concept yet. With the next, you see here whether it changes.",
    before: "before",
    atStep: (step: number) => (step === 0 ? "before" : `step ${formatCount(step)}`),
    stripOf: (name: string) => `${name} at each sample`,
    loss: "Loss",
    lossHint: "How wrong the model is at each step. It jumps a lot; the thick line is its running mean.",
    noLoss: "No loss yet",
    lossNow: (loss: string, steps: number) =>
      `The running mean of the loss is ${loss} after ${plural(steps, "step", "steps")}`,
    smoothing: "Smoothing",
    logarithmic: "Logarithmic",
    step: "Step",
    mean: "Running mean",
    spoken: (name: string, status: JobStatus, percent: number, again?: Again) =>
      ({
        waiting: `${name} waits its turn.`,
        running: percent === 0 ? `${learning(name, again)}.` : `${learning(name, again)}: ${percent} % done.`,
        stopping: `Stopping ${name}.`,
        stopped: `${name} is stopped. Every step is saved.`,
        done: `${learned(name, again)}.`,
        failed: `${name} was not learned.`,
      })[status],
  },
  remember: {
    title: "Remember",
    lead: "What each training run did to the concepts before it.",
    empty: "Once something is learned, you see here what every new concept does to the earlier ones.",
    compare: "Compare all kept states",
    comparing: "Drawing every concept in every kept state, from the same noise …",
    beforeAfter: "Before and after",
    matrix: "Change after each training run",
    matrixHint:
      "Each column is a state of your library, each row a concept. The number is how much its picture has changed since it was learned.",
    matrixLabel: "Change of each concept after each change of the library",
    legend: "What the colours mean",
    levels: ["the same, 0–20 %", "20–40 %", "40–60 %", "60–80 %", "as other noise, 80–100 %"],
    now: "now",
    first: "first",
    justLearned: "learned last",
    notInCurrent: "not in the current state",
    verdict: (level: number, change: string) =>
      `${["kept", "a little different", "different", "very different", "hardly kept"][level] ?? ""}, ${change} changed`,
    cell: (concept: string, state: string, change: string) => `${concept}, ${state}: ${change} changed`,
    unknownThen: (concept: string, state: string) => `${concept}, ${state}: not known`,
    notCompared: (concept: string, state: string) => `${concept}, ${state}: not compared yet`,
    pictureOf: (concept: string, state: string) => `${concept}, ${state}`,
    sliderOf: (concept: string) => `${concept}: before and after`,
    uncovered: (share: string, before: string, after: string) => `${share} ${before}, the rest ${after}`,
  },
  history: {
    title: "History",
    change: (change: Change) => {
      switch (change.kind) {
        case "begun":
          return "empty library";
        case "learned":
          return byAgain(change.again, {
            new: `learned ${change.concept}`,
            more: `learned more of ${change.concept}`,
            replaced: `learned ${change.concept} anew`,
          });
        case "imported":
          return `imported ${change.concept}`;
        case "renamed":
          return `renamed ${change.from ?? "a concept"} to ${change.concept}`;
        case "forgot":
          return `${change.unlearned === true ? "unlearned" : "forgot"} ${change.concept ?? "a concept"}`;
      }
    },
    nothing: "knows nothing",
    blocked: (name: string) => `${name} is unfinished. Go on with it, or give it up, before you change states.`,
    undo: "Undo",
    redo: "Redo",
    goTo: "Go here",
    goToState: (name: string) => `Go here: ${name}`,
    aside: "Set aside",
    done: (name: string) => `Your library is back at: ${name}.`,
    keep: "States kept for undo",
    keepHint: "Beside the current one; a new name does not count. Fewer take less room on the disk.",
    confirmKeep: (keep: number) =>
      keep === 0 ? "Keep no earlier state?" : `Keep only ${plural(keep, "earlier state", "earlier states")}?`,
    confirmKeepAbout: (keep: number) =>
      `${keep === 0 ? "All of them" : "The others"} are deleted now, and no undo reaches them any more.`,
    confirmKeepButton: (keep: number) => (keep === 0 ? "Delete them" : "Delete the others"),
    keepDone: (keep: number) => `${plural(keep, "earlier state is", "earlier states are")} kept from now on.`,
  },
  draw: {
    title: "Draw",
    lead: "Write < for your concepts.",
    leadEmpty: "Nothing is learned yet; the model draws what it knows.",
    prompt: "Prompt",
    example: (token: string) => `a photo of ${token} on the beach`,
    anything: "a cat",
    concepts: "Concepts",
    count: "Pictures",
    draw: "Draw",
    more: "More settings",
    negative: "Not in the picture",
    negativeHint: "The negative prompt.",
    seed: "Seed",
    anySeed: "a new one each time",
    steps: "Steps",
    guidance: "Guidance",
    scheduler: "Scheduler",
    width: "Width",
    height: "Height",
    gallery: "Pictures of this session",
    noPictures: "Your pictures appear here. They stay until Keepsake ends, so save those you like.",
    how: (seed: number, time: string) => `Seed ${seed} · ${time}`,
    waiting: "waits its turn",
    again: "Draw again",
    edit: "Use these settings",
    removeOf: (prompt: string) => `Remove the pictures of: ${prompt}`,
    pictureOf: (place: number, prompt: string) => `Picture ${place}: ${prompt}`,
    withPrompt: "Keep the prompt in the file",
    withPromptHint: "With it, other programs can read how the picture was drawn.",
    save: "Save PNG",
  },
  ask: {
    title: "Ask",
    lead: "Which of mine is this? The model compares the photo with every concept and with ordinary things.",
    empty: "Once something is learned, drop a photo here to find out whether it shows it.",
    drop: "Drop a photo",
    dropAnother: "Ask about another",
    answer: "Answer",
    photo: "The photo that was asked about",
    looking: "Comparing …",
    answerOf: (answer: Answer) => {
      if (answer.kind === "concept") return `This is ${answer.label}.`;
      if (answer.kind === "unsure") return `Not sure: ${answer.between.join(" or ")}.`;
      return answer.nearest === undefined
        ? "None of your concepts."
        : `None of your concepts; rather ${answer.nearest}.`;
    },
    honest: "It answers “not sure” rather than guess.",
    barsLabel: "How probable each answer is",
    out: "ruled out",
  },
  settings: {
    title: "Settings",
    model: "Model",
    modelFixed: "A library belongs to one model. To use another, start Keepsake with another library.",
    modelFree: "The library takes the model that you choose now, and keeps it once something is learned.",
    modelName: (model: string) => (model === "built-in" ? "Built-in model" : model),
    chosen: "in use",
    choose: "Choose",
    chooseOf: (model: string) => `Choose ${model}`,
    chose: (model: string) => `Your library uses ${model}.`,
    notWhole: "not whole: download it again",
    notUsable: "of a kind that Keepsake does not know",
    other: "Another model",
    otherHint: "A name from the Hugging Face Hub, or the path of a folder or .safetensors file on this machine.",
    pull: "Download",
    use: "Use it",
    pulling: (model: string) => `Downloading ${model}`,
    pullEnd: (model: string, status: JobStatus) =>
      status === "done"
        ? `${model} is on this machine.`
        : `The download of ${model} is stopped. What has come is kept.`,
    look: "Look",
    theme: "Theme",
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    library: "Library",
    doctor: "Health",
    version: (version: string) => `Keepsake ${version}`,
  },
  doctor: {
    examine: "Check this machine",
    verify: "Check the library’s files",
    well: "Keepsake can work here.",
    whole: "Every file of the library is whole.",
    fault: (file: string, fault: string) => `${file}: ${fault}`,
    processor: "Processor",
    processorOf: (model: string, cores: number, instructions: readonly string[]) =>
      [model, plural(cores, "core", "cores"), ...instructions.slice(0, 2)].join(", "),
    speed: "Training speed",
    flops: (giga: number) => `${Math.round(giga)} GFLOP/s`,
    memory: "Memory",
    freeOf: (free: string, total: string) => `${free} of ${total} free`,
    disk: "Disk",
    free: (free: string) => `${free} free`,
    versions: "Versions",
    fits: "What fits this machine",
    size: "Size",
    learning: "Learning",
    drawing: "Drawing",
    needs: (bytes: string) => `needs ${bytes}`,
    step: (time: string, bytes: string) => `${time} a step, ${bytes}`,
    picture: (time: string, bytes: string) => `${time} a picture, ${bytes}`,
  },
};
