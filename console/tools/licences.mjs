/** Writes the licences of the packages whose code is in the built console beside it: they ask for that. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

function packageOf(place) {
  for (let folder = dirname(place); folder.includes("node_modules"); folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file)) {
      const about = JSON.parse(readFileSync(file, "utf8"));
      if (about.name && about.version) return { folder, ...about };
    }
  }
  return null;
}

function described({ folder, name, version, license }) {
  const file = readdirSync(folder).find((one) => /^(licen[cs]e|copying)(\.\w+)?$/i.test(one));
  const text = file ? readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim() : `Licence: ${license}`;
  return `${name} ${version} (${license})\n\n${text}\n`;
}

export function licences() {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const found = new Map();
      for (const chunk of Object.values(bundle)) {
        for (const id of chunk.type === "chunk" ? Object.keys(chunk.modules) : (chunk.originalFileNames ?? [])) {
          const one = packageOf(id.replace(/^\0/, "").split("?")[0]);
          if (one) found.set(`${one.name} ${one.version}`, one);
        }
      }
      const source = [...found.keys()].sort().map((key) => described(found.get(key))).join(`\n${"-".repeat(80)}\n\n`);
      this.emitFile({ type: "asset", fileName: "licences.txt", source });
    },
  };
}
