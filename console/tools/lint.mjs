/** What no compiler refuses but this console does not do. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join, relative } from "node:path";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RULES = [
  [/v-html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslyUseHTMLString/, "text from outside is shown as text, never as HTML"],
  [/\beval\(|new Function\(/, "no code is made at run time"],
  [/localStorage\.setItem\((?!"gbgateway\.(language|theme|player)")/, "only language, theme and player are kept in this browser"],
  [/(?<![:\w-])style="/, "no inline style: the policy of the page refuses it"],
  [/document\.cookie/, "no cookies"],
  [/\b(TODO|FIXME|XXX)\b(?!XX)/, "nothing unfinished behind a finished name"],
];

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const place = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(place);
    else if (/\.(ts|vue|html)$/.test(entry.name)) yield place;
  }
}

const found = [];
for (const place of [...sources(join(ROOT, "src")), join(ROOT, "index.html")]) {
  readFileSync(place, "utf8").split("\n").forEach((line, at) => {
    for (const [pattern, why] of RULES) if (pattern.test(line)) found.push(`${relative(ROOT, place)}:${at + 1}: ${why}: ${line.trim()}`);
  });
}
for (const one of found) console.error(one);
process.exit(found.length ? 1 : 0);
