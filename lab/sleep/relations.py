"""Kinds of statements that are read each in its own way: names, trades, ages, dates, what is somebody's."""

from __future__ import annotations

from typing import Final

from lab.sleep.english import Relation

OWN_NAME: Final = Relation(
    "What is {my} name? / What {am} {s} called? / What name {do} {s} go by? / What do people call {whom}?"
    " / {my} name is what? / By which name {am} {s} known? / What did I tell you {my} name was?"
    " / What's {my} name again? / Which name {do} {s} answer to? / By what name should you address {whom}?"
    " / Say {my} name. / What name goes on {my} name badge? / What did {my} parents name {whom}? / {my} name, please?",
    "what {my} name is / what {s} {am} called / what name {s} {go} by / by which name {s} {am} known"
    " / what people call {whom} / which name {s} {answer} to / what {s} {have} been named / what I said {my} name was",
    "{my} name / the name that {s} {go} by / the name by which {s} {am} known / the name people call {whom} by"
    " / the name to use for {whom}",
    "{s} {am} called {value}",
    said="{am} called / {am} named",
)
NAME_OF_PERSON: Final = Relation(
    "What is {s} called? / What is {my} name? / What is the name of {s}? / Who is {s}? / What name does {s} go by?"
    " / {my} name is what? / What do people call {s}? / By which name is {s} known?"
    " / What did I tell you {s} is called? / Which name does {s} answer to? / What was {my} name again?"
    " / Who did I say {s} is? / Name {s} for me. / {my} name, please?",
    "what {s} is called / what {my} name is / what name {s} goes by / what people call {s}"
    " / by which name {s} is known / who {s} is / what I said {s} is called / which name {s} answers to",
    "the name of {s} / {my} name / the name {s} goes by / the name by which people know {s}"
    " / the name that belongs to {s}",
    "{my} name is {value}",
)
NAME_OF_PET: Final = Relation(
    "What is {s} called? / What is {my} name? / What is the name of {s}? / Which name does {s} have?"
    " / Which name did I give {s}? / {my} name is what? / What do people call {s}? / By which name is {s} known?"
    " / What was {s} named? / What did I tell you {s} is called? / What was {my} name again?"
    " / Which name was chosen for {s}? / Say {my} name. / {my} name, please?",
    "what {s} is called / what {my} name is / which name {s} has / what people call {s} / which name {s} answers to"
    " / what {s} was named / what I said {s} is called / which name was chosen for {s}",
    "the name of {s} / {my} name / the name {s} answers to / the name that was chosen for {s}"
    " / the name people call {s} by",
    "{my} name is {value}",
)
NAME_OF_THING: Final = Relation(
    "What is {s} called? / What is the name of {s}? / What name does {s} have? / Which name does {s} go by?"
    " / {s} is called what? / What do people call {s}? / By which name is {s} known? / What was {s} named?"
    " / What did I tell you {s} is called? / Which name belongs to {s}? / What was the name of {s} again?"
    " / Say the name of {s}. / The name of {s}, please? / What is it that {s} is called?",
    "what {s} is called / what the name of {s} is / which name {s} has / what people call {s}"
    " / by which name {s} is known / what {s} was named / what I said {s} is called / which name belongs to {s}",
    "the name of {s} / the name that {s} has / the name by which {s} is known / the name that belongs to {s}"
    " / the name people use for {s}",
    "the name of {s} is {value}",
)
NAMES: Final = Relation(
    "What are {s} called? / What are {my} names? / What are the names of {s}? / Which names do {s} have?"
    " / {my} names are what? / What do people call {s}? / By which names are {s} known?"
    " / What did I tell you {s} are called? / Which names belong to {s}? / What were {my} names again?"
    " / Which names were {s} given? / What is each of {s} called? / List the names of {s}. / {my} names, please?",
    "what {s} are called / what {my} names are / which names {s} have / what people call {s}"
    " / by which names {s} are known / which names belong to {s} / what I said {s} are called"
    " / what each of {s} is called",
    "the names of {s} / {my} names / the names {s} go by / the names that belong to {s}"
    " / the names by which people know {s}",
    "{my} names are {value}",
)
TRADE: Final = Relation(
    "What {do} {s} do for a living? / What is {my} job? / What is {my} profession? / What {do} {s} work as?"
    " / Which job {do} {s} have? / How {do} {s} earn a living? / What line of work {am} {s} in?"
    " / What {am} {s} by trade? / What kind of work {do} {s} do? / What's {my} occupation?"
    " / What job {am} {s} employed in? / What did I tell you about what {s} {do} for a living?"
    " / In what profession {do} {s} make a career? / State {my} occupation.",
    "what {s} {do} for a living / what {my} job is / what {s} {work} as / how {s} {earn} a living"
    " / what line of work {s} {am} in / what {s} {am} by trade / what kind of work {s} {do}"
    " / what job {s} {am} employed in",
    "{my} profession / {my} occupation / {my} line of work / the job that {s} {have}"
    " / the work that {s} {do} for a living / {my} trade",
    "by profession {s} {am} {value}",
    said="{work} as / {am} working as / {have} worked as / {have} been working as",
)
AGE: Final = Relation(
    "How old {am} {s}? / What is {my} age? / What age {am} {s}? / How many years old {am} {s}? / {s} {am} how old?"
    " / Just how old {am} {s}? / How many years of age {am} {s}? / What age {have} {s} reached?"
    " / In years, how old {am} {s}? / How old did I tell you {s} {am}? / How many years {have} {s} lived so far?"
    " / Say how old {s} {am}. / {my} age, please?",
    "how old {s} {am} / what {my} age is / what age {s} {am} / how many years old {s} {am}"
    " / what age {s} {have} reached / how many years of age {s} {am} / how old I said {s} {am}",
    "{my} age / {my} present age / {my} age in years / the age that {s} {have} reached"
    " / the number of years {s} {have} lived",
    "{my} age is {value}",
)
BORN_IN: Final = Relation(
    "Where {was} {s} born? / What is {my} birthplace? / What is {my} place of birth? / {s} {was} born where?"
    " / In which place {was} {s} born? / Where did {s} come into the world? / Where is it that {s} {was} born?"
    " / Where did I tell you {s} {was} born? / Where did {my} birth take place? / Where's {my} birthplace?"
    " / What is given as place of birth in {my} passport? / Name the place where {s} {was} born."
    " / Where did {my} life begin?",
    "where {s} {was} born / what {my} birthplace is / in which place {s} {was} born / where {s} came into the world"
    " / where {my} birth took place / what {my} place of birth is / what place {s} {was} born in"
    " / where I said {s} {was} born",
    "{my} birthplace / {my} place of birth / the place where {s} {was} born / the place of {my} birth"
    " / the place where {s} came into the world",
    "{my} birthplace is {value}",
    said="{was} born in / {was} born at / {was} born near",
    of_names="In which city {was} {s} born? / What city {was} {s} born in? / What is {my} native city?"
    " / Which city is {my} birthplace? / What is the name of the place where {s} {was} born?"
    " / Can you name the city where {s} {was} born?",
)
BORN_ON: Final = Relation(
    "When {was} {s} born? / What is {my} date of birth? / When did {s} come into the world?"
    " / On what date {was} {s} born? / {s} {was} born when? / When is it that {s} {was} born?"
    " / When did I tell you {s} {was} born? / When did {my} birth take place? / When did {my} life begin?"
    " / What is given as date of birth in {my} passport? / Which date did I give for {my} birth?"
    " / When exactly {was} {s} born? / State {my} date of birth.",
    "when {s} {was} born / what {my} date of birth is / when {s} came into the world / on what date {s} {was} born"
    " / when {my} birth took place / when {my} life began / what the date of {my} birth is"
    " / when I said {s} {was} born",
    "{my} date of birth / the date of {my} birth / {my} birth date / the date when {s} came into the world"
    " / the time when {s} {was} born",
    "{s} came into the world {p} {value}",
)
BIRTHDAY: Final = Relation(
    "When is {my} {x}? / On which day is {my} {x}? / What is the date of {my} {x}? / On what date does {my} {x} fall?"
    " / When {do} {s} have {my} {x}? / What day {do} {s} have {my} {x} on? / {my} {x} is when?"
    " / When is {my} {x} celebrated? / When does {my} {x} come round? / What date is {my} {x}?"
    " / What did I tell you about when {my} {x} is? / Which date did I give for {my} {x}? / When's {my} {x}, exactly?"
    " / Which day should be marked in the calendar as {my} {x}?",
    "when {my} {x} is / on which day {my} {x} falls / what the date of {my} {x} is / when {my} {x} comes round"
    " / what date {my} {x} is / on what date {my} {x} is celebrated / when I said {my} {x} is"
    " / when to celebrate {my} {x}",
    "the date of {my} {x} / {my} {x} / the day of {my} {x} / the date on which {my} {x} falls"
    " / the day when {my} {x} is celebrated",
    "the date of {my} {x} is {value}",
)
KEEPING: Final = Relation(
    "What animals {do} {s} keep? / Which animals {do} {s} look after? / What {do} {s} keep?"
    " / Which animals {do} {s} have? / {s} {keep} what? / What kind of animals {do} {s} keep?"
    " / Which animals belong to {whom}? / What animals {do} {s} take care of? / What sort of creatures {do} {s} keep?"
    " / Which animals did I say {s} {keep}? / What animals would one find at {my} place?"
    " / Which animals is it that {s} {keep}? / What animals are kept by {whom}? / Name the animals that {s} {keep}.",
    "what animals {s} {keep} / which animals {s} {look} after / what {s} {keep} / what kind of animals {s} {keep}"
    " / which animals belong to {whom} / what animals {s} {take} care of / what animals are kept by {whom}"
    " / which animals I said {s} {keep}",
    "{my} animals / the animals that {s} {keep} / the animals that belong to {whom} / the animals in {my} care"
    " / the kind of animals {s} {keep}",
    "{s} {look} after {value}",
    said="{keep} / {am} keeping / {have} kept",
    described=True,
)
FAVOURITE: Final = Relation(
    "What {is} {my} {x}? / Which {thing} {do} {s} like best? / What {thing} {do} {s} like most?"
    " / Which {thing} {do} {s} prefer to all others? / {my} {x} {is} what?"
    " / Which {thing} {do} {s} love above all others? / What {thing} {am} {s} most fond of?"
    " / Which {thing} {do} {s} enjoy the most? / What {thing} would {s} choose first?"
    " / Which {thing} did I call {my} {x}? / What {thing} {do} {s} rate highest?"
    " / Which {thing} {is} number one for {whom}? / What did I tell you {my} {x} {is}? / Name {my} {x}.",
    "what {my} {x} {is} / which {thing} {s} {like} best / which {thing} {s} {prefer} to all others"
    " / which {thing} {s} {enjoy} the most / what {thing} {s} {am} most fond of / what {thing} {s} would choose first"
    " / which {thing} {s} {love} above all others / which {thing} I called {my} {x}",
    "{my} {x} / the {thing} that {s} {like} best / the {thing} that {s} {love} most"
    " / the {thing} that {s} would choose first / {my} number one {thing} / the {thing} dearest to {whom}",
    "the {thing} that {s} {like} best {is} {value}",
)
SIZE: Final = Relation(
    "What is {my} {x}? / What size of {thing} {do} {s} wear? / Which {x} {do} {s} have? / What {x} {do} {s} need?"
    " / {my} {x} is what? / Which {x} fits {whom}? / What {x} {do} {s} take? / What {x} should be ordered for {whom}?"
    " / What did I tell you {my} {x} is? / Which {x} is the right one for {whom}?"
    " / What {x} {do} {s} ask for in a shop? / What {x} is it that {s} {wear}? / What's {my} {x} again?"
    " / State {my} {x}.",
    "what {my} {x} is / what size of {thing} {s} {wear} / which {x} {s} {have} / which {x} fits {whom}"
    " / what {x} {s} {take} / what {x} to order for {whom} / which {x} is right for {whom} / what I said {my} {x} is",
    "{my} {x} / the size of {thing} that {s} {wear} / the {x} that {s} {wear} / the {x} that fits {whom}"
    " / the {x} {s} {need} / the right {x} for {whom}",
    "the size of {thing} that {s} {wear} is {value}",
)
ATTRIBUTE: Final = Relation(
    "What {is} {my} {x}? / Which {x} {do} {s} have? / What did I say {my} {x} {is}? / {my} {x} {is} what?"
    " / What {x} {do} {s} have? / What {is} {my} {x} again? / What have I told you {my} {x} {is}?"
    " / Which {x} did I say {s} {have}? / What did I mention as {my} {x}? / What should you write down as {my} {x}?"
    " / What was it that I gave as {my} {x}? / State {my} {x}. / {my} {x}, please?",
    "what {my} {x} {is} / which {x} {s} {have} / what I said {my} {x} {is} / what {x} {s} {have}"
    " / what I told you {my} {x} {is} / which {x} I said {s} {have} / what I gave as {my} {x}"
    " / what to write down as {my} {x}",
    "{my} {x} / the {x} that {s} {have} / {my} own {x} / the {x} to put down for {whom}",
    "you named {value} as {my} {x}",
)
