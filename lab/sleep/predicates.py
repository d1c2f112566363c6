"""Kinds of statements that begin with a verb: "I live in Oslo", "My brother keeps bees"."""

from __future__ import annotations

from typing import Final

from lab.sleep.acts import ACTS, STATES
from lab.sleep.english import Relation
from lab.sleep.relations import BORN_IN, KEEPING, OWN_NAME, TRADE


def _thing(says: str, asks: str, own: tuple[str, str]) -> Relation:
    """What somebody does something to, or is busy with: `says` "{bake}", `asks` "{do} {s} bake".

    `own` has its own wordings: what to add to the direct ones and to the clauses that all of them share.
    """
    direct, clauses = own
    return Relation(
        f"What {asks}? / What is it that {{s}} {says}? / Which thing {asks}? / {{s}} {says} what?"
        f" / What exactly {asks}? / What sort of thing {asks}? / What did I tell you {{s}} {says}?"
        f" / What is the thing that {{s}} {says}? / What was it again that {{s}} {says}?"
        f" / {{s}} {says} something. What is it? / Remind me, what {asks}? / So what {asks}, then?"
        f" / Name the thing that {{s}} {says}. / {direct}",
        f"what {{s}} {says} / what it is that {{s}} {says} / which thing {{s}} {says} / what exactly {{s}} {says}"
        f" / what sort of thing {{s}} {says} / what I said {{s}} {says} / what the thing is that {{s}} {says}"
        f" / what I told you {{s}} {says} / {clauses}",
        f"the thing that {{s}} {says} / the sort of thing that {{s}} {says} / the very thing that {{s}} {says}"
        f" / the name of what {{s}} {says}",
        f"what {{s}} {says} is {{value}}",
        said=says,
    )


def _meal(verb: str, noun: str) -> Relation:
    says = f"{{{verb}}}"
    return Relation(
        f"What {{do}} {{s}} {verb}? / What is {{my}} usual {noun}? / Which {noun} {{do}} {{s}} have?"
        f" / What {{do}} {{s}} usually {verb}? / What kind of {noun} {{do}} {{s}} like? / {{s}} {says} what?"
        f" / What did I tell you {{s}} {says}? / What is it that {{s}} {says}?"
        f" / What sort of {noun} {{do}} {{s}} go for? / Which {noun} {{do}} {{s}} choose?"
        f" / What could you offer {{whom}} to {verb}? / What should {{s}} be given to {verb}?"
        f" / What {{do}} {{s}} like to {verb}? / Name the {noun} that {{s}} usually {{have}}.",
        f"what {{s}} {says} / what {{my}} usual {noun} is / which {noun} {{s}} {{have}} / what {{s}} usually {says}"
        f" / what sort of {noun} {{s}} {{go}} for / what it is that {{s}} {says} / which {noun} {{s}} {{choose}}"
        f" / what I said {{s}} {says}",
        f"{{my}} usual {noun} / the thing that {{s}} {says} / the {noun} that {{s}} usually {{have}}"
        f" / the {noun} {{s}} {{choose}} / {{my}} choice of {noun}",
        f"{{my}} usual {noun} is {{value}}",
        said=says,
    )


RELATIONS: Final[tuple[Relation, ...]] = (
    OWN_NAME,
    TRADE,
    BORN_IN,
    Relation(
        "Where {do} {s} live? / Where is {my} home? / Which place {do} {s} call home? / {s} {live} where?"
        " / Where {do} {s} reside? / Where {do} {s} have a home? / What is {my} place of residence?"
        " / Where {have} {s} settled? / Whereabouts {am} {s} living? / What did I tell you about where {s} {live}?"
        " / Where is it that {s} {live}? / Where {am} {s} based? / In what place {do} {s} dwell?"
        " / Name the place where {s} {live}.",
        "where {s} {live} / where {my} home is / which place {s} {call} home / where {s} {reside}"
        " / where {s} {am} based / where {s} {have} settled / what {my} place of residence is"
        " / where I said {s} {live}",
        "{my} place of residence / the place where {s} {live} / the place that {s} {call} home"
        " / the place where {my} home is / {my} current place of residence",
        "{my} home is {p} {value}",
        said="{live} in / {live} at / {live} on / {live} near / {am} living in / {have} lived in / {reside} in",
        of_names="In which city {do} {s} live? / In what town is {my} home? / What city {do} {s} live in?"
        " / What is the name of the city where {s} {live}? / In which city {am} {s} resident?"
        " / Can you name the city where {s} {reside}? / Which city {am} {s} based in?",
    ),
    Relation(
        "Where {do} {s} work? / Where is {my} workplace? / What is {my} place of work? / {s} {work} where?"
        " / Where {am} {s} employed? / Where {do} {s} have a job? / Where {do} {s} go to work?"
        " / At what place {do} {s} work? / Where did I tell you {s} {work}? / Where is it that {s} {work}?"
        " / Where would you find {whom} at work? / Where {do} {s} earn a living?"
        " / Where {do} {s} spend the working day? / Name the place where {s} {work}.",
        "where {s} {work} / where {my} workplace is / what {my} place of work is / where {s} {am} employed"
        " / where {s} {have} a job / where {s} {go} to work / at what place {s} {work} / where I said {s} {work}",
        "{my} place of work / {my} workplace / the place where {s} {work} / the place of {my} employment"
        " / the place where {s} {have} a job",
        "the place where {s} {work} is {value}",
        said="{work} at / {work} for / {work} in / {am} working at / {am} working for / {am} working in",
    ),
    Relation(
        "Where did {s} grow up? / In which place did {s} grow up? / Where {was} {s} brought up? / {s} grew up where?"
        " / Where {was} {s} raised? / Where was {my} childhood spent? / Where did {s} live during childhood?"
        " / What did I tell you about where {s} grew up? / Where is it that {s} grew up?"
        " / Where did {s} spend the years of childhood? / What place did {s} grow up in?"
        " / Name the place where {s} grew up.",
        "where {s} grew up / in which place {s} grew up / where {s} {was} brought up / where {s} {was} raised"
        " / where {my} childhood was spent / where {s} lived during childhood / where it is that {s} grew up"
        " / where I said {s} grew up",
        "the place where {s} grew up / the place where {s} {was} brought up / the place where {my} childhood was spent"
        " / the place of {my} childhood / the place where {s} {was} raised",
        "the place where {s} grew up is {value}",
        said="grew up in / grew up on / grew up near / grew up at",
        of_names="What is the name of the place where {s} grew up? / What is the place called where {s} {was} raised?",
    ),
    Relation(
        "Where did {s} move to? / To which place did {s} move? / What place did {s} move to? / {s} moved to where?"
        " / Where did {s} relocate to? / Where did {s} go to live? / Where {have} {s} relocated to?"
        " / What was the destination of {my} move? / Where did I tell you {s} moved to?"
        " / Where is it that {s} moved to? / Which place did {s} choose to move to?"
        " / Where did {s} end up after moving? / Name the place that {s} moved to.",
        "where {s} moved to / to which place {s} moved / what place {s} moved to / where {s} relocated to"
        " / where {s} went to live / what the destination of {my} move was / where it is that {s} moved to"
        " / where I said {s} moved to",
        "the place that {s} moved to / the destination of {my} move / the place {s} relocated to"
        " / the place where {s} went to live",
        "the place that {s} moved to is {value}",
        said="moved to / {have} moved to",
        of_names="What is the name of the place that {s} moved to? / What is the place called that {s} moved to?",
    ),
    Relation(
        "Where {do} {s} come from? / Where {am} {s} from? / What is {my} place of origin? / {s} {come} from where?"
        " / Where {do} {s} hail from? / Where {do} {s} originate from? / From which place {do} {s} come?"
        " / What place {am} {s} from? / Where are {my} roots? / Where did I tell you {s} {come} from?"
        " / Where is it that {s} {am} from? / Where {do} {s} have roots? / Name the place that {s} {come} from.",
        "where {s} {come} from / where {s} {am} from / what {my} place of origin is / where {s} {hail} from"
        " / where {s} {originate} from / from which place {s} {come} / where {my} roots are"
        " / where I said {s} {am} from",
        "{my} place of origin / the place that {s} {come} from / the place that {s} {am} from"
        " / the place {s} {hail} from / the place where {my} roots are",
        "{my} place of origin is {value}",
        said="{come} from / {am} from",
        of_names="What is the name of the place that {s} {come} from? / What is the place called that {s} {am} from?",
    ),
    Relation(
        "What {do} {s} study? / What {am} {s} studying? / Which subject {do} {s} study? / What is {my} field of study?"
        " / What {do} {s} learn at university? / {s} {study} what? / What is the subject of {my} studies?"
        " / What are {my} studies in? / Which field {am} {s} studying? / What course of study {do} {s} follow?"
        " / In which subject {do} {s} take classes? / What did I tell you about what {s} {study}?"
        " / What is it that {s} {study}? / Name the subject that {s} {study}.",
        "what {s} {study} / which subject {s} {study} / what {my} field of study is / what {my} studies are in"
        " / what the subject of {my} studies is / which field {s} {am} studying / what course of study {s} {follow}"
        " / what I said {s} {study}",
        "{my} field of study / the subject that {s} {study} / {my} subject of study / the subject of {my} studies"
        " / the field that {s} {am} studying / {my} course of study",
        "{my} field of study is {value}",
        said="{study} / {am} studying",
    ),
    Relation(
        "What {do} {s} teach? / Which subject {do} {s} teach? / What {am} {s} teaching? / {s} {teach} what?"
        " / What {do} {s} give lessons in? / What is {my} teaching subject? / What do pupils learn from {whom}?"
        " / Which subject {do} {s} give classes in? / What {do} {s} instruct others in?"
        " / Which subject is taught by {whom}? / What did I tell you {s} {teach}? / What is it that {s} {teach}?"
        " / What are {my} lessons in? / Name the subject that {s} {teach}.",
        "what {s} {teach} / which subject {s} {teach} / what {s} {give} lessons in / what {my} teaching subject is"
        " / which subject {s} {give} classes in / what pupils learn from {whom} / which subject is taught by {whom}"
        " / what I said {s} {teach}",
        "the subject that {s} {teach} / {my} teaching subject / the subject of {my} lessons"
        " / the subject taught by {whom} / the subject {s} {give} classes in",
        "the subject that {s} {teach} is {value}",
        said="{teach} / {am} teaching",
    ),
    Relation(
        "What {am} {s} learning? / What is it that {s} {am} learning? / What {am} {s} trying to learn?"
        " / {s} {am} learning what? / What {am} {s} taking lessons in? / What new skill {am} {s} acquiring?"
        " / What {am} {s} being taught? / What {am} {s} busy learning? / What {am} {s} working to master?"
        " / What did I tell you {s} {am} learning? / What is the thing that {s} {am} learning?"
        " / What {have} {s} set out to learn? / Name the thing that {s} {am} learning.",
        "what {s} {am} learning / what it is that {s} {am} learning / what {s} {am} trying to learn"
        " / what {s} {am} taking lessons in / what {s} {am} being taught / what {s} {am} busy learning"
        " / what new skill {s} {am} acquiring / what I said {s} {am} learning",
        "the thing that {s} {am} learning / the thing that {s} {am} trying to learn"
        " / the new skill that {s} {am} acquiring / the thing {s} {am} taking lessons in",
        "what {s} {am} trying to learn is {value}",
        said="{am} learning / {learn} / {have} been learning",
        of_names="Which language {am} {s} learning? / What language {am} {s} trying to learn?"
        " / Can you tell me which language {s} {am} learning? / In which language {am} {s} taking lessons?"
        " / What tongue {am} {s} working to master? / I forgot which language {s} {am} learning, can you help?",
    ),
    Relation(
        "What language {do} {s} speak? / Which language can {s} speak? / What {do} {s} speak? / {s} {speak} what?"
        " / In which language {am} {s} fluent? / Which language is spoken by {whom}?"
        " / What language {am} {s} able to speak? / Which tongue {do} {s} speak?"
        " / In what language can {s} hold a conversation? / What did I tell you about which language {s} {speak}?"
        " / Which language is it that {s} {speak}? / Which language {do} {s} have a command of?"
        " / Name the language that {s} {speak}.",
        "what language {s} {speak} / which language {s} can speak / what {s} {speak}"
        " / in which language {s} {am} fluent / which language is spoken by {whom}"
        " / what language {s} {am} able to speak / which tongue {s} {speak} / what language I said {s} {speak}",
        "the language that {s} {speak} / the language spoken by {whom} / the language {s} {am} able to speak"
        " / the language in which {s} {am} fluent",
        "the language that {s} {speak} is {value}",
        said="{speak} / {am} fluent in",
    ),
    Relation(
        "What {do} {s} drive? / What car {do} {s} have? / Which vehicle {do} {s} drive?"
        " / What kind of car {do} {s} have? / {s} {drive} what? / What sort of vehicle {do} {s} drive?"
        " / Which car belongs to {whom}? / What is {my} car? / What {do} {s} get around in?"
        " / What {do} {s} sit at the wheel of? / Which vehicle is driven by {whom}? / What did I tell you {s} {drive}?"
        " / What is it that {s} {drive}? / Name the vehicle that {s} {drive}.",
        "what {s} {drive} / what car {s} {have} / which vehicle {s} {drive} / what sort of vehicle {s} {drive}"
        " / which car belongs to {whom} / what {s} {sit} at the wheel of / what {s} {get} around in"
        " / what I said {s} {drive}",
        "what car {s} {have} / the vehicle that {s} {drive} / the car that {s} {drive}"
        " / the car that belongs to {whom} / the vehicle driven by {whom} / the kind of vehicle {s} {drive}",
        "the vehicle that {s} {drive} is {value}",
        said="{drive} / {am} driving",
        described=True,
    ),
    Relation(
        "What {do} {s} play? / What is it that {s} {play}? / What {do} {s} like to play? / {s} {play} what?"
        " / What can {s} play? / What {do} {s} enjoy playing? / What {do} {s} spend time playing?"
        " / What {am} {s} able to play? / What might you find {whom} playing? / What did I tell you {s} {play}?"
        " / Which thing is it that {s} {play}? / What exactly {do} {s} play? / When {s} {play} something, what is it?",
        "what {s} {play} / what it is that {s} {play} / what {s} {like} to play / what {s} {am} able to play"
        " / what {s} {enjoy} playing / what {s} {spend} time playing / what exactly {s} {play}"
        " / what I said {s} {play}",
        "the thing that {s} {play} / the thing that {s} {like} to play / the thing {s} {enjoy} playing"
        " / the name of what {s} {play}",
        "what {s} {play} is {value}",
        said="{play}",
        of_the="Which instrument {do} {s} play? / What is {my} instrument? / Can you tell me {my} instrument?"
        " / I forgot which instrument {s} {play}, can you help? / What musical instrument can {s} play?"
        " / On which instrument {do} {s} make music? / What instrument {have} {s} learned to play?",
    ),
    Relation(
        "What {do} {s} collect? / What is in {my} collection? / What sort of thing {do} {s} collect?"
        " / What {do} {s} have a collection of? / {s} {collect} what? / What does {my} collection consist of?"
        " / What {am} {s} collecting? / What sort of collection {do} {s} have?"
        " / What would one find in {my} collection? / What is {my} collection made up of?"
        " / What did I tell you about what {s} {collect}? / What is it that {s} {collect}?"
        " / What {do} {s} look for to add to a collection? / Name the things that {s} {collect}.",
        "what {s} {collect} / what is in {my} collection / what sort of thing {s} {collect}"
        " / what {my} collection consists of / what {s} {am} collecting / what sort of collection {s} {have}"
        " / what {s} {look} for to add to a collection / what I said {s} {collect}",
        "the contents of {my} collection / the things that {s} {collect} / the things in {my} collection"
        " / the kind of collection {s} {have} / the things that make up {my} collection",
        "{my} collection is of {value}",
        said="{collect}",
        described=True,
    ),
    KEEPING,
    _meal("drink", "drink"),
    _meal("eat", "food"),
    Relation(
        "What {am} {s} allergic to? / What is {my} allergy? / What must {s} avoid because of an allergy?"
        " / What must {s} not eat or touch? / What allergy {do} {s} have? / {s} {am} allergic to what?"
        " / What sets off {my} allergy? / What triggers an allergic reaction in {whom}?"
        " / What {do} {s} have an allergic reaction to? / What sort of allergy {do} {s} suffer from?"
        " / What is {my} allergy to? / What did I tell you {s} {am} allergic to?"
        " / What should be kept away from {whom} because of an allergy? / Name the thing that {s} {am} allergic to.",
        "what {s} {am} allergic to / what {my} allergy is / what {s} must avoid because of an allergy"
        " / what sets off {my} allergy / what sort of allergy {s} {suffer} from"
        " / what gives {whom} an allergic reaction / what {s} {have} an allergy to / what I said {s} {am} allergic to",
        "{my} allergy / the cause of {my} allergy / the trigger of {my} allergy / the thing that {s} {am} allergic to"
        " / the allergy that {s} {have}",
        "{s} must avoid {value}",
        said="{am} allergic to / {have} an allergy to",
    ),
    Relation(
        "What {am} {s} afraid of? / What frightens {whom}? / What {do} {s} fear? / Which thing scares {whom}?"
        " / {s} {am} afraid of what? / What {am} {s} scared of? / What terrifies {whom}?"
        " / What {do} {s} have a fear of? / What makes {whom} feel fear? / Of what {am} {s} frightened?"
        " / What did I tell you {s} {am} afraid of? / What is it that {s} {fear}? / What fills {whom} with terror?"
        " / Name the thing that {s} {fear}.",
        "what {s} {am} afraid of / what frightens {whom} / what {s} {fear} / what {s} {am} scared of"
        " / what terrifies {whom} / what {s} {have} a fear of / what makes {whom} feel fear"
        " / what I said {s} {am} afraid of",
        "the thing that frightens {whom} / the thing that {s} {fear} / {my} fear / the cause of {my} fear"
        " / the thing that {s} {am} scared of / the thing that terrifies {whom}",
        "the thing that frightens {whom} is {value}",
        said="{am} afraid of / {am} scared of / {am} terrified of / {am} frightened of / {fear}",
    ),
    Relation(
        "Who {am} {s} married to? / Whom did {s} marry? / Who is {my} spouse? / {s} {am} married to whom?"
        " / To whom {am} {s} married? / Who is married to {whom}? / Who is {my} husband or wife?"
        " / Who did {s} tie the knot with? / Who did {s} wed? / What did I tell you about who {s} {am} married to?"
        " / Who is it that {s} {am} married to? / With whom did {s} exchange vows?"
        " / Name the person that {s} {am} married to.",
        "who {s} {am} married to / whom {s} married / who {my} spouse is / who is married to {whom}"
        " / who {my} husband or wife is / who {s} tied the knot with / to whom {s} {am} married"
        " / who I said {s} {am} married to",
        "{my} spouse / the person that {s} married / the person that {s} {am} married to"
        " / the person married to {whom} / {my} husband or wife",
        "{my} spouse is {value}",
        said="{am} married to",
        of_names="What is the name of {my} spouse? / What is {my} spouse called?"
        " / What is the name of the person that {s} {am} married to?",
    ),
    *(_thing(f"{{{verb}}}", f"{{do}} {{s}} {verb}", own) for verb, own in ACTS.items()),
    *(_thing(f"{{am}} {state}", f"{{am}} {{s}} {state}", own) for state, own in STATES.items()),
)
