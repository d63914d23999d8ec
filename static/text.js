// The page's words, in English and Chinese. A key with "?" explains the control of that name.
import { program } from "./program.js";

const en = {
  skip: "Skip to the curves", looking: "Looking for your GPU …", theme: "Light or dark",
  title: "Teach a language model to speak.",
  lead: "A small transformer learns here, in this tab, on your own GPU. Press start and watch: within a minute, noise turns into sentences. Nothing leaves your computer.",
  actions: "Training", start: "Start training", again: "Start a new run", pause: "Pause", resume: "Resume", step: "One step", stop: "Stop", continue: "Go on from step {step}",
  progress: "Loading", fetching: "Loading the program …", "fetching-of": "Loading the program: {done} of {all} MB", starting: "Starting the program …", "p-corpus": "Reading the built-in text …", "p-text": "Reading your text …", "p-warm-up": "Warming up the GPU …",
  adapter: "{name} · {kind}",
  ready: "Ready.", "ready-saved": "Ready. A run from your last visit is saved, at step {step}.",
  idle: "Ready.", preparing: "Preparing the run …", pausing: "Just to the end of this step …", running: "Training. You can talk to the model meanwhile.", paused: "Paused at step {step}.", 
  stopped: "Stopped at step {step}. Talk to the model, download it, or start a new run.", finished: "Done: {step} steps. Talk to the model, or take it home.",
  loaded: "{name} is loaded, at step {step}. Resume goes on with its run exactly.", "loaded-weights": "{name} is loaded. Talk to it, or resume: it learns on by these settings.",
  "loaded-alone": "{name} is loaded: its weights alone, since the text that it learnt from is not here. Talk to it, or resume: it learns on by these settings. To go on with its run exactly, choose its text, then load it again.", saved: "Saved in this browser at step {step}: close the tab, come back, go on.",
  figures: "Figures", "f-step": "Step", "f-loss": "Loss", "f-validation": "Validation", "f-speed": "Tokens / s", "f-left": "Time left", "f-memory": "GPU memory", "f-progress": "Done", heap: "The program itself: {heap} MB",
  curves: "Curves", series: "Which curves", "s-loss": "Loss", "s-rate": "Learning rate", "s-norm": "Gradient norm", "s-speed": "Tokens / s",
  chart: "The curves of the training runs", "chart-now": "Loss {loss} after {step} of {steps} steps", smoothing: "Smoothing", x: "Along", "x-step": "steps", "x-tokens": "tokens", "x-time": "time", log: "Logarithmic", back: "Zoom back", png: "Save as PNG",
  "chart-hint": "Point at a curve to read it, or use the arrow keys; drag a box to zoom. The faint line is each step, the strong one is smoothed: where a straight line through its neighbours goes; dots are the validation.",
  "no curves": "This browser cannot draw here: curves need WebGL 2, which comes with hardware acceleration. Training goes on without them; the metrics can be saved as CSV.",
  run: "Run", "run-loss": "Loss", "run-steps": "Steps", text: "File", forget: "Remove", same: "Same settings",
  samples: "What it writes", "samples-hint": "Every few seconds the model goes on from the beginnings in bold. At first it is noise.", "at-step": "step {step}",
  diagnosis: "How it goes", cause: "{cause}.", "cause-advice": "{cause}: {advice}", "too early to say": "Too early to say", "learning rate too high": "The learning rate is too high", overfitting: "It learns by heart", "learning rate decayed too early": "The learning rate fell too early", "learning rate too low, or too few steps": "The learning rate is too low, or the steps too few", "batch too small: noisy": "The batch is too small, which makes noise", healthy: "Healthy",
  "initial response": "First response", "mid-run stability": "Stability", "late convergence": "Late progress", "memory use": "Memory use", "generalisation gap": "Understanding", good: "good", watch: "to watch", bad: "bad",
  talk: "Talk to it", "talk-hint": "Write a beginning; the model goes on from it, also while it trains. It knows only what it has read.", "talk-hint-ask": "Ask it something; it answers, also while it trains. It knows only what it has read.", prompt: "A beginning", speak: "Go on", ask: "Ask", hush: "Enough", temperature: "Boldness",
  home: "Take it home", "home-hint": "The checkpoint is the same file that the native program reads and writes: talk to it, or go on training it there, and back.", checkpoint: "Download the checkpoint", model: "Download the model", adapters: "The adapters alone", base: "Their base", weights: "Weights as safetensors", metrics: "Metrics as CSV", load: "Load a checkpoint",
  "home-hint-lora": "The model is whole, its adapters merged. The adapters alone are a small file, of use only with their base, the model that they were trained on: the native program merges them, or goes on training them; here, load the base first, then the adapters.",
  kept: "Kept in this browser", "kept?": "Runs stay here until you delete them; a new run replaces none.", "kept-go on": "Go on", "kept-delete": "Delete", "kept-sure": "Delete for good",
  settings: "Settings", defaults: "Back to the defaults",
  footer: "One Go program, natively and in the browser: every number is computed by WebGPU. The text, the model and the curves stay in this browser.",
  "g-run": "The run", "g-data": "What it reads", "g-more": "More about learning", "g-size": "The model's own sizes",
  "g-compare": "Compare a few runs", "compare-setting": "They differ in", "compare-values": "Its values", "compare-start": "Train one after another",
  "compare?": "Values with commas between them; all else is as above. Short runs tell a lot: lower the steps first.",
  "compare-stage": "Compare runs that learn to write: each of them begins afresh.", "compare-few": "Give two values or more to compare.",
  "compare-wrong": "{value} cannot be: {name}. {why}",
  preset: "Model", "preset?": "tiny has half a million parameters and learns in a minute; minimind2-small has 26 million and wants a real GPU.",
  max_steps: "Steps", "max_steps?": "How often the model is corrected; 0 reads all of the text, as often as the passes say.",
  learning_rate: "Learning rate", "learning_rate?": "How far each step goes. Too small learns slowly, too large never settles.",
  batch_size: "Batch", "batch_size?": "Rows of text read at once for one step; more is steadier and takes more memory.",
  max_seq_len: "Sequence length", "max_seq_len?": "Tokens in a row: how far back the model can look.",
  stage: "It learns to", "stage?": "First a model learns to write. Then it can learn to answer, from conversations, going on from the present model: by all its weights, or by adapters (LoRA) beside them, which alone learn. A large model wants a small learning rate then: 5e-6, or 1e-4 for adapters.", pretrain: "write", sft: "answer", lora: "answer, by adapters",
  rank: "Rank", "rank?": "Inner size of the adapters, a multiple of 4: a larger one can learn more, and takes more memory.",
  alpha: "Alpha", "alpha?": "Adapters count alpha divided by rank; 0 makes them count once.",
  source: "Text", "source?": "The built-in texts are short stories and sums, and questions about them, in English and Chinese.", embedded: "built in", paste: "paste a text", file: "a file of yours",
  pasted: "Your text", "pasted?": "Empty lines separate documents. A few pages are enough to see it learn by heart.",
  drop: "Drop a .txt or .jsonl file, or choose one", "file?": "Plain text with empty lines between documents, or lines of {\"text\": \"…\"}; to learn to answer, lines of {\"conversations\": […]}. It is read here and sent nowhere.",
  tokenizer: "Tokenizer (optional)", choose: "Drop a tokenizer.json, or choose one", chosen: "{name}", "tokenizer?": "A tokenizer.json with byte-level BPE; without one, the built-in vocabulary of 512 tokens is used.",
  schedule: "Schedule", "schedule?": "How the learning rate falls after the warm-up.", cosine: "cosine", wsd: "stable, then down", linear: "linear", constant: "constant",
  warmup: "Warm-up", "warmup?": "The first steps begin gently: a share of the run below 1, else a number of steps.",
  min_lr_ratio: "Last learning rate", "min_lr_ratio?": "As a share of the largest.",
  accumulation_steps: "Accumulation", "accumulation_steps?": "Batches added up to one step: the effect of a large batch without its memory.",
  epochs: "Passes", "epochs?": "How often the text is read when steps is 0.",
  weight_decay: "Weight decay", "weight_decay?": "Pulls the weights towards zero, a little each step.",
  grad_clip: "Gradient clip", "grad_clip?": "Longest step that a single batch may cause; 0 sets no bound.",
  validation_share: "Held out", "validation_share?": "Share of the documents that is never learnt from, to see whether the model understands or remembers.",
  seed: "Seed", "seed?": "Decides all that is drawn by chance: the same seed gives the same run.",
  hidden_size: "Width", "hidden_size?": "Numbers that stand for a token inside the model; 0 is the preset's.",
  num_hidden_layers: "Layers", "num_hidden_layers?": "Rounds of attention and thought; 0 is the preset's.",
  num_attention_heads: "Heads", "num_attention_heads?": "Places that each layer can look at once; 0 is the preset's.",
  num_key_value_heads: "Key/value heads", "num_key_value_heads?": "Shared by the heads; fewer saves memory. 0 is the preset's.",
  plan: "{parameters} parameters · {memory} on the GPU", "plan-lora": "{parameters} parameters, and {trained} in adapters, which alone learn · {memory} on the GPU", "plan-time": " · about {time}",
  "e-wrong": "{name} cannot be that. {why}", "why-number": "It must be a number.", "why-range": "It must be from {min} to {max}.", "why-whole": "It must be a whole number.", "why-step": "It must be a multiple of {step}.",
  "e-no webgpu": "No GPU can be used here.", "e-no webgpu?": "This browser offers no WebGPU. Use a current Chrome, Edge, Firefox or Safari, switch on hardware acceleration in its settings, and open the page from https or localhost.",
  "e-lost": "The GPU was lost, and did not come back.", "e-lost?": "The driver or the browser has reset it several times. Close other programs that use the GPU, choose a smaller batch, then load the page again: it goes on from what was saved.",
  "e-memory": "This does not fit into the GPU's memory.", "e-memory?": "Choose a smaller batch (and more accumulation for the same effect), a shorter sequence, or a smaller model.",
  "e-file": "This file cannot be used.", "e-file?": "Nothing was changed. See below what is wrong with it, and choose another.",
  "e-settings": "These settings cannot be.", "e-settings?": "See below which of them, and what would be right.",
  "e-unsaved": "The present run is not saved.", "e-unsaved?": "Download its checkpoint, or make room by deleting a run that is kept here. Or do the same once more, and it is given up.",
  "e-other": "Something went wrong.", "e-other?": "What was saved is still there: load the page again to go on.",
  "e-program": "The program has stopped.", "e-program?": "Load the page again: it goes on from what was saved last. The browser's console says more.",
  "e-fetch": "The program could not be loaded.", "e-fetch?": "Check the connection, then load the page again.",
  "n-lost": "The GPU was lost; opening it again …", "n-recovered": "The GPU was lost and is back: the run goes on from step {step}, where it was saved last.", "n-back": "The GPU was lost and is back.", "n-wait": "The program is still busy: try again in a moment.", "n-not saved": "The run could not be saved in this browser's storage; training goes on. Download the checkpoint to be safe, or delete a run that is kept here, to make room.",
  "n-other tab": "Another tab with this page holds what was saved: close it and load this page again to go on from there. A run that begins here outlives this tab only as a download.",
  "n-no storage": "Nothing will outlive this tab: download the checkpoint before you close it.",
  "n-software": "This browser computes without a GPU here, which is very slow. Try fewer steps, or switch on hardware acceleration.",
  "program-says": "{0}", second: "{n} s", minute: "{n} min", hour: "{n} h",
};
const zh = {
  skip: "跳到曲线", looking: "正在寻找 GPU……", theme: "浅色或深色",
  title: "教一个语言模型说话。",
  lead: "一个小型 Transformer 就在这个标签页里、用你自己的 GPU 学习。按下开始，看噪声在一分钟内变成句子。任何数据都不会离开你的电脑。",
  actions: "训练", start: "开始训练", again: "开始新的训练", pause: "暂停", resume: "继续", step: "走一步", stop: "停止", continue: "从第 {step} 步继续",
  progress: "加载中", fetching: "正在加载程序……", "fetching-of": "正在加载程序：{done} / {all} MB", starting: "正在启动程序……", "p-corpus": "正在读取内置文本……", "p-text": "正在读取你的文本……", "p-warm-up": "正在预热 GPU……",
  adapter: "{name} · {kind}",
  ready: "准备就绪。", "ready-saved": "准备就绪。上次的训练已保存在第 {step} 步。",
  idle: "准备就绪。", preparing: "正在准备训练……", pausing: "等这一步走完……", running: "训练中，你可以同时和模型对话。", paused: "已在第 {step} 步暂停。", 
  stopped: "已在第 {step} 步停止。可以和模型对话、下载它，或开始新的训练。", finished: "完成：共 {step} 步。和模型聊聊，或把它带回家。",
  loaded: "已载入 {name}（第 {step} 步）。按“继续”即可精确地接着训练。", "loaded-weights": "已载入 {name}。可以和它说话，或按“继续”，用这些设置接着训练。",
  "loaded-alone": "已载入 {name}，但只有权重：它学过的文本不在这里。可以和它说话，或按“继续”，用这些设置接着训练。若要精确地接着原来的训练，请先选择它的文本，再载入一次。", saved: "已在本浏览器保存第 {step} 步：关掉标签页，回来还能继续。",
  figures: "数据", "f-step": "步数", "f-loss": "损失", "f-validation": "验证损失", "f-speed": "词元 / 秒", "f-left": "剩余时间", "f-memory": "显存", "f-progress": "完成度", heap: "程序本身：{heap} MB",
  curves: "曲线", series: "显示哪些曲线", "s-loss": "损失", "s-rate": "学习率", "s-norm": "梯度范数", "s-speed": "词元 / 秒",
  chart: "训练曲线", "chart-now": "第 {step} 步（共 {steps} 步），损失 {loss}", smoothing: "平滑", x: "横轴", "x-step": "步数", "x-tokens": "词元", "x-time": "时间", log: "对数坐标", back: "撤销缩放", png: "保存为 PNG",
  "chart-hint": "把指针移到曲线上（或用方向键）可读数，拖出方框可放大。淡线是每一步，深线是平滑后的：用直线拟合邻近各步得出；圆点是验证。",
  "no curves": "此浏览器无法在这里绘图：曲线需要 WebGL 2（请打开硬件加速）。训练照常进行，数据可下载为 CSV。",
  run: "训练", "run-loss": "损失", "run-steps": "步数", text: "文件", forget: "移除", same: "设置相同",
  samples: "它写的话", "samples-hint": "每隔几秒，模型会从加粗的开头接着写。一开始只是噪声。", "at-step": "第 {step} 步",
  diagnosis: "进展如何", cause: "{cause}。", "cause-advice": "{cause}：{advice}", "too early to say": "现在下结论还太早", "learning rate too high": "学习率过高", overfitting: "过拟合：在死记硬背", "learning rate decayed too early": "学习率下降得太早", "learning rate too low, or too few steps": "学习率过低，或步数太少", "batch too small: noisy": "批太小，噪声大", healthy: "健康",
  "initial response": "初始反应", "mid-run stability": "中期稳定性", "late convergence": "后期收敛", "memory use": "显存使用", "generalisation gap": "泛化差距", good: "良好", watch: "留意", bad: "不好",
  talk: "和它对话", "talk-hint": "写一个开头，模型会接着写，训练时也可以。它只知道读过的东西。", "talk-hint-ask": "问它点什么，它会回答，训练时也可以。它只知道读过的东西。", prompt: "开头", speak: "接着写", ask: "提问", hush: "够了", temperature: "大胆程度",
  home: "带回家", "home-hint": "检查点与本地程序读写的文件完全相同：可以在本地对话、继续训练，也可以再拿回来。", checkpoint: "下载检查点", model: "下载模型", adapters: "只下载适配器", base: "它们的基座", weights: "权重（safetensors）", metrics: "下载 CSV 数据", load: "载入检查点",
  "home-hint-lora": "“模型”是完整的，已合并适配器。适配器单独是个小文件，只有配上它们的基座（训练时的那个模型）才有用：本地程序可以合并它们或继续训练；在这里则先载入基座，再载入适配器。",
  kept: "保存在本浏览器中", "kept?": "训练会一直保留，直到你删除；新的训练不会覆盖旧的。", "kept-go on": "接着训练", "kept-delete": "删除", "kept-sure": "确定删除",
  settings: "设置", defaults: "恢复默认值",
  footer: "同一个 Go 程序，本地和浏览器通用：每个数字都由 WebGPU 计算。文本、模型和曲线都只留在本浏览器里。",
  "g-run": "训练", "g-data": "读什么", "g-more": "更多训练设置", "g-size": "模型的尺寸",
  "g-compare": "比较几次训练", "compare-setting": "它们的区别", "compare-values": "各自的值", "compare-start": "依次训练",
  "compare?": "用逗号隔开；其余设置与上面相同。短训练就能看出很多：先把步数调小。",
  "compare-stage": "只能比较学习写作的训练：它们各自从头开始。", "compare-few": "请给出两个或更多的值。",
  "compare-wrong": "{value} 不可用：{name}。{why}",
  preset: "模型", "preset?": "tiny 有五十万参数，一分钟就能学会；minimind2-small 有 2600 万，需要真正的 GPU。",
  max_steps: "步数", "max_steps?": "模型被修正多少次；0 表示按轮数读完全部文本。",
  learning_rate: "学习率", "learning_rate?": "每一步走多远。太小学得慢，太大不收敛。",
  batch_size: "批大小", "batch_size?": "一步同时读多少行文本；越多越稳，也越占显存。",
  max_seq_len: "序列长度", "max_seq_len?": "每行的词元数：模型能往回看多远。",
  stage: "学什么", "stage?": "模型先学会写，再从对话中学会回答：后者从当前的模型继续，可以训练全部权重，也可以只训练旁边的适配器（LoRA）。大模型此时要用小学习率：5e-6，适配器用 1e-4。", pretrain: "写作", sft: "回答", lora: "回答（适配器）",
  rank: "秩", "rank?": "适配器内部的尺寸，须为 4 的倍数：越大能学得越多，也越占显存。",
  alpha: "Alpha", "alpha?": "适配器的作用按 alpha 除以秩计；0 表示按一倍计。",
  source: "文本", "source?": "内置文本是中英文的小故事、算术题，以及关于它们的问答。", embedded: "内置", paste: "粘贴文本", file: "自己的文件",
  pasted: "你的文本", "pasted?": "用空行分隔文档。几页就足以看到模型背诵下来。",
  drop: "拖入 .txt 或 .jsonl 文件，或点击选择", "file?": "用空行分隔文档的纯文本，或每行一个 {\"text\": \"…\"}；学回答则每行一个 {\"conversations\": […]}。只在本机读取，不会上传。",
  tokenizer: "分词器（可选）", choose: "拖入 tokenizer.json，或点击选择", chosen: "{name}", "tokenizer?": "字节级 BPE 的 tokenizer.json；不选则用内置的 512 词表。",
  schedule: "学习率曲线", "schedule?": "预热之后学习率如何下降。", cosine: "余弦", wsd: "先稳定后下降", linear: "线性", constant: "恒定",
  warmup: "预热", "warmup?": "开头几步慢慢来：小于 1 为占比，否则为步数。",
  min_lr_ratio: "最终学习率", "min_lr_ratio?": "占最大学习率的比例。",
  accumulation_steps: "梯度累积", "accumulation_steps?": "几批合成一步：有大批量的效果，却不占显存。",
  epochs: "轮数", "epochs?": "步数为 0 时，文本读几遍。",
  weight_decay: "权重衰减", "weight_decay?": "每一步把权重往零拉一点。",
  grad_clip: "梯度裁剪", "grad_clip?": "单个批次最多能走多远；0 表示不限。",
  validation_share: "留出比例", "validation_share?": "从不用于学习的文档比例，用来看模型是理解还是死记。",
  seed: "随机种子", "seed?": "决定一切随机的东西：相同的种子得到相同的训练。",
  hidden_size: "宽度", "hidden_size?": "模型内部用多少个数表示一个词元；0 为预设值。",
  num_hidden_layers: "层数", "num_hidden_layers?": "注意力与思考的轮数；0 为预设值。",
  num_attention_heads: "注意力头数", "num_attention_heads?": "每层能同时看多少处；0 为预设值。",
  num_key_value_heads: "键值头数", "num_key_value_heads?": "由各头共享，越少越省显存。0 为预设值。",
  plan: "{parameters} 个参数 · 显存 {memory}", "plan-lora": "{parameters} 个参数，另有 {trained} 个在适配器中，只训练后者 · 显存 {memory}", "plan-time": " · 约 {time}",
  "e-wrong": "“{name}”不能是这个值。{why}", "why-number": "必须是一个数。", "why-range": "必须在 {min} 到 {max} 之间。", "why-whole": "必须是整数。", "why-step": "必须是 {step} 的倍数。",
  "e-no webgpu": "这里没有可用的 GPU。", "e-no webgpu?": "此浏览器不支持 WebGPU。请使用最新的 Chrome、Edge、Firefox 或 Safari，在设置里打开硬件加速，并通过 https 或 localhost 打开本页。",
  "e-lost": "GPU 丢失，且没有恢复。", "e-lost?": "驱动或浏览器多次重置了 GPU。请关闭其他占用 GPU 的程序，减小批大小，然后重新加载本页：会从保存处继续。",
  "e-memory": "显存放不下。", "e-memory?": "请减小批大小（可用梯度累积补足）、缩短序列，或换小一点的模型。",
  "e-file": "这个文件无法使用。", "e-file?": "没有任何改动。请看下面的说明，换一个文件。",
  "e-settings": "这些设置不成立。", "e-settings?": "请看下面是哪一项、怎样才对。",
  "e-unsaved": "当前的训练没有保存。", "e-unsaved?": "请先下载它的检查点，或删除保存在这里的其他训练以腾出空间。若再做一次同样的操作，它就会被放弃。",
  "e-other": "出了问题。", "e-other?": "已保存的内容还在：重新加载本页即可继续。",
  "e-program": "程序停止了。", "e-program?": "请重新加载本页：会从上次保存处继续。浏览器控制台有更多信息。",
  "e-fetch": "程序加载失败。", "e-fetch?": "请检查网络，然后重新加载本页。",
  "n-lost": "GPU 丢失，正在重新打开……", "n-recovered": "GPU 曾丢失，现已恢复：从上次保存的第 {step} 步继续。", "n-back": "GPU 曾丢失，现已恢复。", "n-wait": "程序还在忙，请稍后再试。", "n-not saved": "无法保存到浏览器存储；训练仍在继续。为保险起见请下载检查点，或删除保存在这里的其他训练以腾出空间。",
  "n-other tab": "另一个打开本页的标签页占用着已保存的内容：请关闭它并重新加载本页，即可从那里继续。在这里开始的训练只有下载下来才能保留。",
  "n-no storage": "关闭标签页后什么都不会留下：请先下载检查点。",
  "n-software": "浏览器在这里没有 GPU，只能用 CPU 慢慢算。请减少步数，或打开硬件加速。",
  "program-says": "程序的原话（英文）：{0}", second: "{n} 秒", minute: "{n} 分钟", hour: "{n} 小时",
};

// recall and remember keep a choice of the visitor's, in browsers that let a page keep something.
export function recall(name) { try { return localStorage.getItem(name); } catch { return null; } }
export function remember(name, value) { try { localStorage.setItem(name, value); } catch { /* it is chosen again next time */ } }

export let language = recall("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");

// say returns the words of a key, with its {holes} filled; a value that is itself to be said is a list of what say takes.
// What the program says comes as such a list, too: a key for its Chinese words, the values, and the English sentence.
export function say(key, values = {}, english) {
  const words = language === "zh" ? zh[key] ?? program[key] : english ?? en[key];
  if (words === undefined) return english ? say("program-says", [english]) : en[key] ?? key;
  if (words === english) return english;
  return words.replace(/\{(\w+)\}/g, (hole, name) => (Array.isArray(values[name]) ? say(...values[name]) : values[name] ?? hole));
}

// put writes words into an element, which follows the language from then on.
export function put(e, key, values = {}, english) {
  Object.assign(e.dataset, { t: key, v: JSON.stringify([values, english]) });
  e.textContent = say(key, values, english);
}

// translate puts the language's words into every element that names a key.
export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = say(e.dataset.t, ...JSON.parse(e.dataset.v ?? "[]"));
  for (const e of document.querySelectorAll("[data-a]")) e.setAttribute("aria-label", say(e.dataset.a));
  const other = document.getElementById("language");
  other.textContent = language === "zh" ? "EN" : "中文";
  other.lang = language === "zh" ? "en" : "zh";
  other.setAttribute("aria-label", language === "zh" ? "English" : "中文");
}

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  remember("language", language);
  translate();
}

// How figures are written.
export const compact = (n) => new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: 3 }).format(n);
export const bytes = (n) => (n >= 1 << 30 ? (n / (1 << 30)).toFixed(2) + " GB" : Math.round(n / (1 << 20)) + " MB");
export function duration(seconds) {
  if (!isFinite(seconds)) return "–";
  if (seconds < 90) return say("second", { n: Math.round(seconds) });
  return seconds < 5400 ? say("minute", { n: Math.round(seconds / 60) }) : say("hour", { n: (seconds / 3600).toFixed(1) });
}
