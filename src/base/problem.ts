/** Faults as HTTP says them (RFC 9457): the one table from kinds to statuses, and the codes of answers without a fault. */
import { ERROR_CODES, type ErrorCode, type ErrorKind, isReplydError } from './errors.js';

/** What is no ReplydError is 503: unknown is temporary. */
const PROBLEM_STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  unauthorized: 401,
  forbidden: 403,
  too_large: 413,
  unavailable: 503,
};

/** Codes with a status of their own (RFC 9110). */
const STATUS_OF_CODE: Readonly<Partial<Record<ErrorCode, number>>> = {
  method_not_allowed: 405,
  wrong_content_encoding: 415,
  wrong_content_type: 415,
  header_too_large: 431,
};

/** The code of a problem that was answered without a fault. */
export const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'route_not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  413: 'too_large',
  429: 'too_many_requests',
  431: 'header_too_large',
  503: 'unavailable',
};

export function statusOf(error: unknown): number {
  return isReplydError(error) ? statusOfCode(error.code) : 503;
}

export function statusOfCode(code: ErrorCode): number {
  return STATUS_OF_CODE[code] ?? PROBLEM_STATUS[ERROR_CODES[code]];
}
