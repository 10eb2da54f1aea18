"""The records of a dealer group, by topic."""

from customers.models.contracts import Contract, Event
from customers.models.deliveries import Delivery
from customers.models.followup import FollowUp, Task, TaskMeasurement
from customers.models.identity import BeforeMerge, MatchDue, MergeDecision, MergeProposal
from customers.models.imports import (
    ImportFile,
    ImportProfile,
    ImportRun,
    RecordRevision,
    RejectedRow,
)
from customers.models.ledger import Comparable, MarketingSpend, MonthlyFinancials, Target
from customers.models.people import (
    Consent,
    ContactPoint,
    Customer,
    CustomerSource,
    CustomerTag,
)
from customers.models.privacy import PersonKey, PrivacyRequest, SuppressedContact
from customers.models.quality import QualityReport
from customers.models.surveys import Survey
from customers.models.vehicles import BrandPolicy, Ownership, Vehicle
from customers.models.visits import Visit, VisitLine

__all__ = [
    "BeforeMerge",
    "BrandPolicy",
    "Comparable",
    "Consent",
    "ContactPoint",
    "Contract",
    "Customer",
    "CustomerSource",
    "CustomerTag",
    "Delivery",
    "Event",
    "FollowUp",
    "ImportFile",
    "ImportProfile",
    "ImportRun",
    "MarketingSpend",
    "MatchDue",
    "MergeDecision",
    "MergeProposal",
    "MonthlyFinancials",
    "Ownership",
    "PersonKey",
    "PrivacyRequest",
    "QualityReport",
    "RecordRevision",
    "RejectedRow",
    "SuppressedContact",
    "Survey",
    "Target",
    "Task",
    "TaskMeasurement",
    "Vehicle",
    "Visit",
    "VisitLine",
]
