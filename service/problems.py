"""Every problem that an answer may name: slug, status, title."""

from __future__ import annotations

from dataclasses import dataclass

from service.problems_uploads import UPLOAD_PROBLEMS

__all__ = ["PROBLEMS", "Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of refusal.

    Attributes
    ----------
    slug
        Stable, dotted, for programs.
    status
        HTTP status.
    title
        One sentence, always the same.
    """

    slug: str
    status: int
    title: str


_ALL = (
    Problem("request.unreadable", 400, "The request cannot be read."),
    Problem("request.invalid", 422, "A parameter or a field has a value that cannot be used."),
    Problem("request.unknown_parameter", 422, "The path has no such query parameter, or it was given twice."),
    Problem("request.method", 405, "The path does not take this method."),
    Problem("request.media_type", 415, "The path does not take this content type."),
    Problem("request.too_large", 413, "The request body is larger than the service takes."),
    Problem("request.headers_too_large", 431, "The request's headers are larger than the service takes."),
    Problem("request.refused", 400, "The request was refused."),
    Problem("route.not_found", 404, "There is no such path."),
    Problem("auth.key_needed", 401, "This needs an API key."),
    Problem("auth.key_invalid", 401, "The API key opens nothing."),
    Problem("survey.not_found", 404, "This survey is not served."),
    Problem("survey.replaced", 503, "The survey was replaced since the service opened it."),
    Problem("release.not_found", 404, "This release is not served."),
    Problem("release.gone", 410, "The release can be opened no longer."),
    Problem("release.mismatch", 409, "The release does not belong to the survey."),
    Problem("object.not_found", 404, "The survey has no object with this id."),
    Problem(
        "object.not_indexed", 404, "The object is in the survey, but the release has no embedding of it."
    ),
    Problem("cluster.not_found", 404, "The release has no cluster of this number."),
    Problem("pos.no_match", 404, "No indexed object lies within the match radius."),
    Problem("pos.unreadable", 422, "The target text names no place."),
    Problem("pos.missing", 422, "Give either `target`, or `ra` and `dec`."),
    Problem("filter.invalid", 422, "The filter cannot be applied."),
    Problem("cutout.unavailable", 404, "The survey holds no images."),
    Problem("cutout.no_flux", 422, "Display images have no fluxes; ask for PNG or WebP."),
    Problem("photoz.unavailable", 422, "No redshift can be estimated."),
    Problem("batch.too_large", 413, "The batch has more rows than one request may hold."),
    Problem("job.not_found", 404, "You have no such job."),
    Problem("job.unfinished", 409, "The job has no result yet."),
    Problem("job.phase", 409, "The job's phase does not allow this."),
    Problem("job.quota", 409, "You have as many jobs as one owner may."),
    Problem("job.off", 403, "This service takes no jobs."),
    Problem("job.lost", 410, "The files of this job are lost."),
    Problem("label.not_found", 404, "You have no such label."),
    Problem("label.changed", 409, "Another label of the object took the place of this one."),
    Problem("label.key_reused", 409, "The key of the label was given to another one."),
    Problem("label.quota", 409, "There are as many labels as there may be."),
    Problem("session.not_found", 404, "You have no such session."),
    Problem("session.closed", 409, "The session is closed."),
    Problem("session.quota", 409, "You have as many sessions as one owner may."),
    Problem("cursor.invalid", 422, "This cursor was not given out by this path."),
    Problem("cursor.mismatch", 400, "This cursor continues the list of another question."),
    Problem("cursor.expired", 410, "The cursor points into a release that is no longer served."),
    Problem("replay.invalid", 400, "This replay token was not given out by this service."),
    Problem("model.mismatch", 409, "Vectors of different models are never compared."),
    Problem("vector.unusable", 422, "The vectors or examples make no query of this release."),
    Problem("client.too_many", 429, "This client has too many heavy requests running."),
    Problem("service.busy", 503, "All workers are busy and the queue is full."),
    Problem("service.not_ready", 503, "The service cannot answer at the moment."),
    Problem("database.unavailable", 503, "The database does not answer."),
    Problem("artefact.corrupt", 503, "A file of the service does not have its hash."),
    Problem("storage.unavailable", 503, "The service's disk does not answer."),
    Problem("storage.full", 507, "The service's disk is full."),
    Problem("records.conflict", 409, "The change contradicts what is stored."),
    Problem("service.error", 500, "The service failed; the log has the reason under the request id."),
    *(Problem(*row) for row in UPLOAD_PROBLEMS),
)

#: The registry by slug.
PROBLEMS: dict[str, Problem] = {problem.slug: problem for problem in _ALL}
