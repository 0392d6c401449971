"""The wallet's refusals, by the contract's own codes.  Spec: wallet contract §4, §5.4, §8.2, §18."""

from shared.problems import Conflict, Forbidden, InvalidRequest, NotFound, Problem, TooManyRequests, Unavailable


class UnknownDataset(InvalidRequest):
    """No active dataset has this id."""

    slug = "unknown_dataset"
    title = "There is no such dataset"


class UnknownField(InvalidRequest):
    """The dataset does not list this field."""

    slug = "unknown_field"
    title = "The dataset has no such field"


class UnknownPurpose(InvalidRequest):
    """No active purpose has this id."""

    slug = "unknown_purpose"
    title = "There is no such purpose"


class InvalidExchange(InvalidRequest):
    """The request to the gate cannot be read as asked."""

    slug = "invalid_request"


class ClientNotRegistered(Forbidden):
    """The caller's client belongs to no organisation here, or not in this role."""

    slug = "client_not_registered"
    title = "Your system is not registered here"


class ConsentRequired(Forbidden):
    """The person must be asked first; `consent_request_hint` is a body to post."""

    slug = "consent_required"
    title = "The person's consent is needed"


class ConsentWithdrawn(Forbidden):
    """The person ended this consent."""

    slug = "consent_withdrawn"
    title = "The person has withdrawn this consent"


class ConsentSuspended(Forbidden):
    """The consent is paused."""

    slug = "consent_suspended"
    title = "This consent is paused"


class ConsentExpired(Forbidden):
    """The time or the uses of this consent are over."""

    slug = "consent_expired"
    title = "This consent is no longer in force"


class ConsentRefused(Forbidden):
    """The person said no."""

    slug = "consent_refused"
    title = "The person has refused"


class ConsentMismatch(Forbidden):
    """No such consent for this caller and this person; the same answer whatever the cause."""

    slug = "consent_mismatch"
    title = "This consent does not fit the request"


class ScopeExceeded(Forbidden):
    """More was asked than the person granted."""

    slug = "scope_exceeded"
    title = "This is wider than the consent"


class AgreementRequired(Forbidden):
    """No agreement between the two bodies covers this."""

    slug = "agreement_required"
    title = "No agreement covers this"


class AgreementInactive(Forbidden):
    """The agreement that covers this is not in force."""

    slug = "agreement_inactive"
    title = "The agreement is not in force"


class TemplateLimitExceeded(Forbidden):
    """A limit of the agreement is broken; `limit` names it."""

    slug = "template_limit_exceeded"
    title = "A limit of the agreement is broken"


class IdConflict(Conflict):
    """The same id came before with another body."""

    slug = "id_conflict"
    title = "This id was used for another request"


class IllegalTransition(Conflict):
    """The object is in a state from which this cannot be done."""

    slug = "illegal_transition"
    title = "This cannot be done in the present state"


class SnapshotChanged(Conflict):
    """What the page showed is no longer what would be agreed to."""

    slug = "snapshot_changed"
    title = "This request has changed since you opened it"


class FrequencyExceeded(TooManyRequests):
    """The consent allows fewer uses in this time."""

    slug = "frequency_exceeded"
    title = "This consent was used too often"


class RateLimited(TooManyRequests):
    """The volume of the agreement is used up for now."""

    slug = "rate_limited"
    title = "The agreed volume is used up for now"


class ProviderError(Problem):
    """The provider did not answer as agreed."""

    slug = "provider_error"
    status = 502
    title = "The body that holds the data could not answer"


class ProviderSchema(ProviderError):
    """The provider answered something that does not fit its declaration."""

    slug = "provider_schema"
    title = "The answer of the body that holds the data does not fit its declaration"


class ProviderTimeout(Problem):
    """The provider did not answer in time."""

    slug = "provider_timeout"
    status = 504
    title = "The body that holds the data did not answer in time"


class LogUnavailable(Unavailable):
    """The access log cannot be written: nothing is released."""

    slug = "log_unavailable"
    title = "The access log cannot be written; nothing was released"


class RequestNotFound(NotFound):
    """There is no such request for this caller."""

    slug = "consent_request_not_found"
    title = "There is no such consent request"


class ConsentNotFound(NotFound):
    """There is no such consent for this person."""

    slug = "consent_not_found"
    title = "There is no such consent"


class ViewUsed(Problem):
    """The link was opened before in another session."""

    slug = "view_used"
    status = 410
    title = "This link was already opened"


class InvalidSignature(InvalidRequest):
    """The signature under an agreement is not the organisation's over this content."""

    slug = "invalid_signature"
    title = "The signature does not fit the agreement"


class NotPausedByYou(Forbidden):
    """A pause of the authority is ended by the authority."""

    slug = "not_paused_by_you"
    title = "You did not pause this permission"


class ErasureNotFound(NotFound):
    """No data of this consent are to be erased by this caller."""

    slug = "erasure_not_found"
    title = "There is nothing to erase"


class ReceiptNotFound(NotFound):
    """The person has no receipt of this number."""

    slug = "receipt_not_found"
    title = "There is no such receipt"


class StatusListNotFound(NotFound):
    """There is no status list of this number."""

    slug = "status_list_not_found"
    title = "There is no such status list"


class StreamNotFound(NotFound):
    """The caller has no stream of this id."""

    slug = "stream_not_found"
    title = "There is no such stream"


class StreamExists(Conflict):
    """A receiver has one stream."""

    slug = "stream_exists"
    title = "You have a stream already"


class HistoryNotKept(Problem):
    """Lists of the past are not kept."""

    slug = "history_not_kept"
    status = 501
    title = "Status lists of the past are not kept"


class TokenRequestRefused(Problem):
    """A token was not given; told in the form of OAuth: `error` and `error_description`.  Spec: RFC 6749 §5.2."""

    slug = "token_request_refused"
    title = "The token was not given"

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.answer_status = error, status


class AgreementNotFound(NotFound):
    """There is no such agreement."""

    slug = "agreement_not_found"
    title = "There is no such agreement"


class EnquiryNotFound(NotFound):
    """There is no such enquiry, or no such access to ask about."""

    slug = "enquiry_not_found"
    title = "There is nothing like that to ask about"


class NotOverdue(Conflict):
    """The body still has time to answer."""

    slug = "not_overdue"
    title = "They still have time to answer"


class VisibilityNotAllowed(Forbidden):
    """No law lets this body hide an access for a time."""

    slug = "visibility_not_allowed"
    title = "Your body may not hide an access"


class NotAnAuditor(Forbidden):
    """Only an auditor's system reads a person's log for her."""

    slug = "not_an_auditor"
    title = "Only an auditor may read this"


class PreviewNotFound(NotFound):
    """The person has nothing to look at under this number."""

    slug = "preview_not_found"
    title = "There is nothing to look at"


class PreviewDeclined(Forbidden):
    """The person looked at the data and does not let them go on."""

    slug = "preview_declined"
    title = "The person does not let these data go on"


class PreviewGone(Problem):
    """The person did not decide in time, or the data were taken already."""

    slug = "preview_gone"
    status = 410
    title = "The data are no longer held"


class VersionMismatch(Problem):
    """The version in force is not the one that the change follows."""

    slug = "version_mismatch"
    status = 412
    title = "It has changed since you read it"


class DelegationNotFound(NotFound):
    """There is no such power to act for another."""

    slug = "delegation_not_found"
    title = "There is no such power to act"


class PowerMissing(Forbidden):
    """The delegation does not give this power."""

    slug = "power_missing"
    title = "You may not do this for another"


class PowerLost(Forbidden):
    """The power to act ended."""

    slug = "power_lost"
    title = "You may no longer act for this person"


class NotForDelegates(Forbidden):
    """Only the person herself may do this; nobody can hand a delegation on (D5)."""

    slug = "not_for_delegates"
    title = "Only the person herself can do this"


class TooYoung(Forbidden):
    """A minor below the age that the law sets."""

    slug = "too_young"
    title = "The law sets a higher age for this"


class GrantForbidden(Forbidden):
    """The grant belongs to another client."""

    slug = "grant_forbidden"
    title = "This grant is another client's"


class MandatesAway(Unavailable):
    """The register of who may act for whom does not answer."""

    slug = "register_unavailable"
    title = "The register of who may act for whom does not answer"
