// The first question of the page that is opened leaves before the page is made, and the page is made when
// its answer is there: frame and rows are laid out and painted once, together.
import { FIRST } from '../pages/runs/columns';
import { askFirst, chosenColumns, questionOf, type Question, type RunPage } from '../pages/runs/question';
import { router } from './router.svelte';

/** After so many milliseconds an empty page is better than none. */
const PATIENCE = 150;

export interface Early {
  answer: Promise<RunPage>;
  /** The answer, once it is here. */
  here: RunPage | null;
}

let asked: (Early & { key: string }) | null = null;
const keyOf = (workspace: string, question: Question) => JSON.stringify([workspace, question]);

/** What this was answered, when it is what was asked first. */
export function takeEarly(workspace: string, question: Question): Early | null {
  const early = asked?.key === keyOf(workspace, question) ? asked : null;
  // Another question is another page, and what was asked first is old by then.
  asked = null;
  return early;
}

async function settled(early: Early) {
  try {
    early.here = await early.answer;
  } catch {
    // Whoever takes the answer hears of it.
  }
}

function begin(): Promise<void> {
  const { page, name, workspace, query } = router.place;
  if (page !== 'runs' || name) return Promise.resolve();
  const question = questionOf(query, chosenColumns(workspace) ?? FIRST);
  asked = { key: keyOf(workspace, question), answer: askFirst(workspace, question), here: null };
  return Promise.race([settled(asked), new Promise<void>((done) => setTimeout(done, PATIENCE))]);
}

/** Resolves when the page can be made. */
export const ready = begin();
