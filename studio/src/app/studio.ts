import { Client } from '../api/client';
import { HttpTransport } from '../transport/http';

/** The daemon that served this page. */
export const client = new Client(new HttpTransport(''));
