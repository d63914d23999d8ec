// Runs a Go test binary, built for the browser, in Node on Dawn: go test -exec "node .ci/node.mjs".
// .ci/setup dawn installs what it needs.
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";

const tools = fileURLToPath(new URL("../.tools/", import.meta.url));
process.env.VK_ICD_FILENAMES ??= tools + "swiftshader/vk_swiftshader_icd.json";
process.env.XDG_RUNTIME_DIR ??= tmpdir(); // or the driver complains
const { create, globals } = await import(tools + "node_modules/webgpu/index.js");
Object.assign(globalThis, globals);
Object.defineProperty(globalThis, "navigator", { value: { gpu: create([]) }, configurable: true });

// Go's WebAssembly has room for 12 KB of environment.
for (const name of Object.keys(process.env)) if (!/^(GO|MINIMIND_|VK_|XDG_|PATH$|HOME$|TMPDIR$)/.test(name)) delete process.env[name];

const root = process.env.GOROOT || execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim();
createRequire(import.meta.url)(root + "/lib/wasm/wasm_exec_node.js"); // takes the binary and its arguments from process.argv
