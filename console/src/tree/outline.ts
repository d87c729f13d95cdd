/**
 * A tree of any size as numbered lines, of which only those looked at are ever held.
 *
 * A branch knows how many children it has and keeps the pages of them that were read. A line number is found by walking
 * down the open branches, so neither opening nor scrolling costs anything per child: a million rows are as good as ten.
 */
export interface Page<T> {
  items: T[];
  total: number;
}

/** Reads `limit` children from `offset` on. */
export type Source<T> = (offset: number, limit: number) => Promise<Page<T>>;

export class Branch<T> {
  total: number | null = null;
  failure: unknown = null;
  readonly open: Branch<T>[] = [];
  readonly pages = new Map<number, T[]>();
  readonly loading = new Set<number>();
  /** Children that were opened before; their own pages are kept while they are closed. */
  readonly known = new Map<number, Branch<T>>();

  constructor(
    readonly source: Source<T>,
    readonly parent: Branch<T> | null,
    public index: number,
    readonly depth: number,
    readonly key = "",
  ) {}

  /** Lines below it; a branch that is empty or was not read yet shows one, which says so. */
  get lines(): number {
    let sum = this.total || 1;
    for (const child of this.open) sum += child.lines;
    return sum;
  }
}

export interface Line<T> {
  branch: Branch<T>;
  index: number;
  depth: number;
  item: T | undefined;
  /** An open branch below this line. */
  opened: Branch<T> | undefined;
  /** Not a child but a word about the branch: it is being read, could not be, or is empty. */
  note: "loading" | "failed" | "empty" | null;
}

export class Outline<T> {
  readonly root: Branch<T>;

  constructor(
    source: Source<T>,
    private readonly keyOf: (item: T) => string,
    readonly pageSize = 100,
  ) {
    this.root = new Branch<T>(source, null, 0, 0);
  }

  get lines(): number {
    return this.root.lines;
  }

  /** The line of a number, counted from 0 at the top. */
  line(number: number): Line<T> | undefined {
    if (number < 0 || number >= this.lines) return undefined;
    let branch = this.root;
    let left = number;
    for (;;) {
      if (branch.total === null || branch.total === 0) {
        const note = branch.failure !== null ? "failed" : branch.total === null ? "loading" : "empty";
        return { branch, index: 0, depth: branch.depth, item: undefined, opened: undefined, note };
      }
      let before = 0;
      let inside: Branch<T> | undefined;
      for (const child of branch.open) {
        const own = child.index + before;
        if (left <= own) break;
        if (left <= own + child.lines) {
          inside = child;
          left -= own + 1;
          break;
        }
        before += child.lines;
      }
      if (inside) {
        branch = inside;
        continue;
      }
      const index = left - before;
      const opened = branch.open.find((child) => child.index === index);
      return { branch, index, depth: branch.depth, item: this.item(branch, index), opened, note: null };
    }
  }

  /** The number of the line of a branch's child. */
  numberOf(branch: Branch<T>, index: number): number {
    let number = index;
    for (const child of branch.open) if (child.index < index) number += child.lines;
    return branch.parent === null ? number : this.numberOf(branch.parent, branch.index) + 1 + number;
  }

  item(branch: Branch<T>, index: number): T | undefined {
    return branch.pages.get(Math.floor(index / this.pageSize))?.[index % this.pageSize];
  }

  open(line: Line<T>, source: Source<T>): Branch<T> {
    if (line.opened) return line.opened;
    const { branch, index } = line;
    const key = line.item === undefined ? "" : this.keyOf(line.item);
    const child = branch.known.get(index) ?? new Branch<T>(source, branch, index, branch.depth + 1, key);
    branch.known.set(index, child);
    branch.open.push(child);
    branch.open.sort((one, other) => one.index - other.index);
    return child;
  }

  close(line: Line<T>): void {
    const at = line.opened ? line.branch.open.indexOf(line.opened) : -1;
    if (at >= 0) line.branch.open.splice(at, 1);
  }

  /** The pages that lines `from` to `to` need and that are neither held nor on their way. */
  wanted(from: number, to: number, again = false): { branch: Branch<T>; page: number }[] {
    const found = new Map<Branch<T>, Set<number>>();
    for (let number = Math.max(0, from); number <= to; number++) {
      const line = this.line(number);
      if (!line) break;
      const page = Math.floor(line.index / this.pageSize);
      if (line.branch.failure !== null && !again) continue;
      if (line.branch.loading.has(page) || (line.branch.pages.has(page) && !again)) continue;
      if (line.note === "empty" && !again) continue;
      const pages = found.get(line.branch) ?? new Set<number>();
      found.set(line.branch, pages.add(page));
    }
    return [...found].flatMap(([branch, pages]) => [...pages].map((page) => ({ branch, page })));
  }

  /** Read one page of a branch. */
  async read(branch: Branch<T>, page: number): Promise<void> {
    branch.loading.add(page);
    try {
      const read = await branch.source(page * this.pageSize, this.pageSize);
      branch.failure = null;
      this.take(branch, page, read);
    } catch (error) {
      branch.failure = error;
    } finally {
      branch.loading.delete(page);
    }
  }

  private take(branch: Branch<T>, page: number, read: Page<T>): void {
    branch.pages.set(page, read.items);
    if (branch.total !== read.total) {
      branch.total = read.total;
      for (const held of branch.pages.keys()) if (held * this.pageSize >= read.total) branch.pages.delete(held);
      for (const child of [...branch.known.values()]) if (child.index >= read.total) forget(branch, child);
    }
    this.follow(branch, page, read.items);
  }

  /** Rows move when others come and go: what was opened stays with its own row, or goes with it. */
  private follow(branch: Branch<T>, page: number, items: T[]): void {
    const start = page * this.pageSize;
    const here = [...branch.known.values()].filter((one) => one.index >= start && one.index < start + items.length);
    const moved = here.filter((child) => this.keyOf(items[child.index - start] as T) !== child.key);
    for (const child of moved) branch.known.delete(child.index);
    for (const child of moved) {
      const at = items.findIndex((item) => this.keyOf(item) === child.key);
      if (at < 0) {
        forget(branch, child);
      } else {
        child.index = start + at;
        branch.known.set(child.index, child);
      }
    }
    if (moved.length) branch.open.sort((one, other) => one.index - other.index);
  }
}

function forget<T>(branch: Branch<T>, child: Branch<T>): void {
  if (branch.known.get(child.index) === child) branch.known.delete(child.index);
  const at = branch.open.indexOf(child);
  if (at >= 0) branch.open.splice(at, 1);
}
