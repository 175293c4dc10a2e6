// The things that the daemon speaks of, under their names. `schema.ts` is made from the daemon's
// OpenAPI document when Studio is built: what changes there breaks the build here, not a user's page.
import type { components, paths } from './schema';

type Schemas = components['schemas'];

export type Run = Schemas['Run'];
export type RunStatus = Schemas['RunStatus'];
export type RunDetails = Schemas['RunDetails'];
export type Metric = Schemas['Metric'];
export type MetricKind = Schemas['MetricKind'];
export type MetricPoint = Schemas['MetricPoint'];
export type MetricSummary = Schemas['MetricSummary'];
export type Artifact = Schemas['Artifact'];
export type ArtifactPage = Schemas['ArtifactPage'];
export type LogFile = Schemas['LogFile'];
export type JobState = Schemas['JobState'];
export type Model = Schemas['Model'];
export type Experiment = Schemas['Experiment'];
export type Workspace = Schemas['Workspace'];
export type Snapshot = Schemas['Snapshot'];
export type Dataset = Schemas['Dataset'];
export type DatasetUse = Schemas['DatasetUse'];
export type TableProfile = Schemas['TableProfile'];
export type TablePreview = Schemas['TablePreview'];
export type Datastore = Schemas['Datastore'];
export type StoredFile = Schemas['StoredFile'];
export type DaemonStatus = Schemas['DaemonStatus'];
export type AccessToken = Schemas['AccessToken'];
export type MadeAccessToken = Schemas['MadeAccessToken'];
export type ApiError = Schemas['ApiError'];
export type Environment = Schemas['Environment'];
export type EnvironmentBuild = Schemas['EnvironmentBuild'];
export type PythonSection = Schemas['PythonSection'];
export type ComputeTarget = Schemas['ComputeTarget'];
export type LazuliEvent = Schemas['Event'];
export type Completions = Schemas['Completions'];
export type Texts = Record<string, string>;

export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

/** The routes that answer to the method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, object> ? P : never;
}[keyof paths];

type Operation<P extends keyof paths, M extends Method> = paths[P][M & keyof paths[P]];

/** What stands in the braces of a route. */
export type Names<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name]: string | number } & Names<Rest>
  : unknown;

export type QueryOf<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { parameters: { query?: infer Query extends object } } ? Query : never;

export type BodyOf<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { requestBody: { content: { 'application/json': infer Body } } }
    ? Body
    : undefined;

export type AnswerOf<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: { 200: { content: { 'application/json': infer Answer } } } }
    ? Answer
    : undefined;
