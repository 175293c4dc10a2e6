// What the list of runs asks, by its address and by the columns that somebody chose.
import type { AnswerOf } from '../../api/types';
import { kept } from '../../app/kept';
import { client } from '../../app/studio';
import { fields, type Column } from './columns';

export type RunPage = AnswerOf<'/api/workspaces/{workspace}/runs', 'get'>;
export type Question = ReturnType<typeof questionOf>;

/** Runs that are read at first, and anew when something changed. */
export const PAGE = 100;

export const columnsPlace = (workspace: string) => `columns.${workspace}`;

/** None: nobody has chosen any. */
export function chosenColumns(workspace: string): Column[] | null {
  return kept<Column[] | null>(columnsPlace(workspace), null);
}

export function questionOf(query: URLSearchParams, columns: Column[]) {
  const [experiment, filter, order] = [query.get('experiment'), query.get('filter'), query.get('order')];
  return {
    ...(experiment ? { experiment } : {}),
    ...(filter ? { filter } : {}),
    ...(order ? { order_by: order } : {}),
    fields: fields(columns),
  };
}

/** The first rows. */
export function askFirst(workspace: string, question: Question): Promise<RunPage> {
  return client.get('/api/workspaces/{workspace}/runs', { workspace }, { query: { ...question, limit: PAGE } });
}
