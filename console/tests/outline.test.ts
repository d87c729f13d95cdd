import { describe, expect, it } from "vitest";
import { Outline, type Source } from "@/tree/outline";

const named = (name: string, total: number): Source<string> => async (offset, limit) => ({
  items: Array.from({ length: Math.min(limit, Math.max(0, total - offset)) }, (_, at) => `${name}${offset + at}`),
  total,
});

async function settle(tree: Outline<string>, from: number, to: number): Promise<void> {
  for (let wanted = tree.wanted(from, to); wanted.length; wanted = tree.wanted(from, to)) {
    await Promise.all(wanted.map(({ branch, page }) => tree.read(branch, page)));
  }
}

const shown = (tree: Outline<string>, from: number, to: number): (string | undefined)[] =>
  Array.from({ length: to - from + 1 }, (_, at) => {
    const line = tree.line(from + at);
    return line?.note ?? (line?.item === undefined ? line && "?" : `${" ".repeat(line.depth)}${line.item}`);
  });

async function opened(tree: Outline<string>, number: number, source: Source<string>) {
  const line = tree.line(number);
  if (!line) throw new Error("no such line");
  return tree.open(line, source);
}

describe("an outline", () => {
  it("says that it is being read, then shows its lines", async () => {
    const tree = new Outline(named("a", 3), (item) => item, 2);
    expect(shown(tree, 0, 1)).toEqual(["loading", undefined]);
    await settle(tree, 0, 3);
    expect(shown(tree, 0, 3)).toEqual(["a0", "a1", "a2", undefined]);
  });

  it("says that it is empty", async () => {
    const tree = new Outline(named("a", 0), (item) => item);
    await settle(tree, 0, 3);
    expect(shown(tree, 0, 1)).toEqual(["empty", undefined]);
    expect(tree.wanted(0, 3)).toEqual([]);
  });

  it("puts the children of what is opened below it, and takes them away again", async () => {
    const tree = new Outline(named("a", 3), (item) => item);
    await settle(tree, 0, 3);
    await opened(tree, 0, named("b", 2));
    await opened(tree, 2, named("c", 1));
    expect(shown(tree, 0, 4)).toEqual(["a0", "loading", "a1", "loading", "a2"]);
    await settle(tree, 0, 5);
    expect(shown(tree, 0, 6)).toEqual(["a0", " b0", " b1", "a1", " c0", "a2", undefined]);
    await opened(tree, 2, named("d", 2));
    await settle(tree, 0, 8);
    expect(shown(tree, 0, 7)).toEqual(["a0", " b0", " b1", "  d0", "  d1", "a1", " c0", "a2"]);
    tree.close(tree.line(0)!);
    expect(shown(tree, 0, 3)).toEqual(["a0", "a1", " c0", "a2"]);
    await opened(tree, 0, named("x", 9));
    expect(shown(tree, 0, 4)).toEqual(["a0", " b0", " b1", "  d0", "  d1"]);
  });

  it("numbers its lines both ways", async () => {
    const tree = new Outline(named("a", 4), (item) => item);
    await settle(tree, 0, 3);
    await opened(tree, 1, named("b", 3));
    await settle(tree, 0, 9);
    await opened(tree, 3, named("c", 2));
    await settle(tree, 0, 9);
    for (let number = 0; number < tree.lines; number++) {
      const line = tree.line(number)!;
      expect(tree.numberOf(line.branch, line.index)).toBe(number);
    }
  });

  it("reads no more than what is looked at of a million", async () => {
    let reads = 0;
    const counted: Source<string> = (offset, limit) => (reads++, named("a", 1_000_000)(offset, limit));
    const tree = new Outline(counted, (item) => item, 100);
    await settle(tree, 0, 40);
    await settle(tree, 777_750, 777_790);
    expect(tree.lines).toBe(1_000_000);
    expect(shown(tree, 777_777, 777_777)).toEqual(["a777777"]);
    expect(shown(tree, 500_000, 500_000)).toEqual(["?"]);
    expect(reads).toBe(2);
  });

  it("says that a branch could not be read, and reads it when asked again", async () => {
    let fails = true;
    const tree = new Outline<string>(async (offset, limit) => {
      if (fails) throw new Error("away");
      return named("a", 1)(offset, limit);
    }, (item) => item);
    await settle(tree, 0, 5);
    expect(shown(tree, 0, 0)).toEqual(["failed"]);
    expect(tree.wanted(0, 5)).toEqual([]);
    fails = false;
    for (const { branch, page } of tree.wanted(0, 5, true)) await tree.read(branch, page);
    expect(shown(tree, 0, 0)).toEqual(["a0"]);
  });

  it("keeps what was opened with its row when rows come and go", async () => {
    let rows = ["m", "p"];
    const tree = new Outline<string>(async () => ({ items: rows, total: rows.length }), (item) => item);
    await settle(tree, 0, 5);
    await opened(tree, 1, named("below p", 1));
    await settle(tree, 0, 5);
    rows = ["a", "m", "p"];
    for (const { branch, page } of tree.wanted(0, 0, true)) await tree.read(branch, page);
    expect(shown(tree, 0, 4)).toEqual(["a", "m", "p", " below p0", undefined]);
    rows = ["a"];
    for (const { branch, page } of tree.wanted(0, 0, true)) await tree.read(branch, page);
    expect(shown(tree, 0, 1)).toEqual(["a", undefined]);
  });
});
