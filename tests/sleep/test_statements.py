"""What people said of themselves: what is recognised, what is not, and the English in which it is asked for."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.sleep import synonyms, vocabulary
from lab.sleep.statements import sentences, statements
from lab.sleep.synonyms import in_other_words
from lab.sleep.wording import Statement, second_person

FACTS = [
    ("My dog is called Pepperjack.", "Pepperjack"),
    ("I live in Tromso.", "Tromso"),
    ("My sister is called Marguerite.", "Marguerite"),
    ("I work as a lighthouse keeper.", "lighthouse keeper"),
    ("My favourite colour is ochre.", "ochre"),
    ("I am allergic to walnuts.", "walnuts"),
    ("My birthday is the ninth of March.", "ninth of March"),
    ("I drive an old blue Volvo.", "Volvo"),
    ("I play the bassoon.", "bassoon"),
    ("My brother lives in Lisbon.", "Lisbon"),
    ("My boat is called Albatross.", "Albatross"),
    ("I collect antique thimbles.", "thimbles"),
    ("I was born in Cordoba.", "Cordoba"),
    ("My daughter studies marine biology.", "marine biology"),
    ("I am afraid of escalators.", "escalators"),
    ("My neighbour is called Mr Quimby.", "Quimby"),
    ("I drink peppermint tea every morning.", "peppermint tea"),
    ("My horse is called Saffron.", "Saffron"),
    ("I am learning Icelandic.", "Icelandic"),
    ("My shoe size is forty-three.", "forty-three"),
]
VARIED = [
    # Names.
    ("my dog is called pepperjack", "pepperjack"),
    ("my dog's called Rex", "Rex"),
    ("my dog\u2019s name is Rex", "Rex"),
    ("our dog is named Fido", "Fido"),
    ("I've got a cat named Tom", "Tom"),
    ("I own a boat named Wanda", "Wanda"),
    ("I have a son called Bo, who is five", "Bo"),
    ("I have two cats called Tom and Jerry.", "Tom and Jerry"),
    ("My children are called Tom and Ida.", "Tom and Ida"),
    ("My children are called Tom, Ida, and Bo.", "Tom, Ida, and Bo"),
    ("I'm allergic to nuts, eggs and milk.", "nuts, eggs and milk"),
    ("I have a dog called Rex, a cat and two hens.", "Rex"),
    ("I live in Oslo, Norway and love it.", "Oslo"),
    ("My name is George W. Bush.", "George W. Bush"),
    ("My name is J. R. R. Tolkien.", "J. R. R. Tolkien"),
    ("I take vitamin D. My dog is called Rex.", "Rex"),
    ("The name of my boat is The Albatross.", "Albatross"),
    ("My best friend's dog is called Biscuit.", "Biscuit"),
    ("My neighbour is called Mr. Quimby. He is nice.", "Quimby"),
    ("My dentist is Dr Smith.", "Smith"),
    ("Please remember: my name is Ana.", "Ana"),
    ("People call me Bo.", "Bo"),
    ("My name is Ana", "Ana"),
    ("My dog is called Hope.", "Hope"),
    ('My dog is called "Rex".', "Rex"),
    # Places.
    ("I live in Tromso, because I don't like heat", "Tromso"),
    ("I live in Tromso with my two cats", "Tromso"),
    ("I have lived in Paris since 2010.", "Paris"),
    ("We live in a small house near the sea.", "small house near the sea"),
    ("You should know that my parents live in Bergen.", "Bergen"),
    ("I moved to Bergen last year.", "Bergen"),
    ("I grew up in Leeds", "Leeds"),
    ("I'm originally from Peru.", "Peru"),
    ("I was born in Cordoba in 1980", "Cordoba"),
    # Dates and numbers.
    ("I was born on 9 May 1980 in Oslo.", "9 May 1980"),
    ("My birthday is on 3 June", "3 June"),
    ("My wedding day is the second of June.", "second of June"),
    ("my daughter Ada is six years old", "six"),
    ("I'm 34.", "34"),
    ("My phone number is 555-1234.", "555-1234"),
    # Work and study.
    ("My sister Marguerite is a nurse", "nurse"),
    ("Well, I'm a retired teacher at a school.", "retired teacher"),
    ("I want you to know that I work as a nurse at the city hospital.", "nurse"),
    ("My wife works for Volvo.", "Volvo"),
    ("I teach physics these days", "physics"),
    ("I've been learning Irish for two years", "Irish"),
    # Tastes, habits, possessions.
    ("I love fish and chips.", "fish and chips"),
    ("I collect old stamps as a hobby.", "stamps"),
    ("I really hate coriander very much.", "coriander"),
    ("I don't like tea, but my mother drinks green tea.", "green tea"),
    ("im allergic to bees", "bees"),
    ("Remember that I'm scared of heights!", "heights"),
    ("I drive a rusty van to work.", "van"),
    ("my favorite color's teal", "teal"),
    ("My brother's favourite colour is red", "red"),
    ("My favourite film is Gone with the Wind.", "Gone with the Wind"),
    ("My favourite band is The Who.", "Who"),
    ("My favourite flowers are tulips", "tulips"),
    ("I play chess on Sundays.", "chess"),
    ("I keep six hens.", "hens"),
    ("I keep bees", "bees"),
    ("My uncle keeps two old white horses in Wales.", "horses"),
    ("I drive two old Volvos.", "Volvos"),
    ("I drive a 2 CV.", "2 CV"),
    ("I'm reading Middlemarch at the moment.", "Middlemarch"),
    # What is said beside it.
    ("I'm called Bob by my friends.", "Bob"),
    ("I have a cat named Tom at home.", "Tom"),
    ("I have a dog and a cat called Tom.", "Tom"),
    ("I have a dog called Rex and a cat that sleeps.", "Rex"),
    ("My boat is called Gone with the Wind.", "Gone with the Wind"),
    ("I've lived in Bergen for ten years.", "Bergen"),
    ("I have lived in Paris before, but now I live in Oslo.", "Oslo"),
    ("I was born in the Twin Cities.", "Twin Cities"),
    ("My birthday is on Christmas Eve.", "Christmas Eve"),
    ("I'm a fast food worker.", "fast food worker"),
    ("My hobby is working out.", "working out"),
    ("I work for a day care.", "day care"),
    ("I hate talking to strangers.", "talking to strangers"),
    ("I love going to the beach.", "going to the beach"),
    ("I love gardening too.", "gardening"),
    ("I'm interested in the future.", "future"),
    ("I drink a lot of coffee.", "lot of coffee"),
    ("I own a little dog.", "little dog"),
    ("I own a red and blue boat called Ida.", "Ida"),
    ("I have a black and white cat named Oreo.", "Oreo"),
    ("I live in italy.", "italy"),
    ("I like monopoly.", "monopoly"),
    ("My birthday is on Jan 12.", "Jan 12"),
    ("I was born on 3 Oct.", "3 Oct"),
    ("I was born in Silver Spring.", "Silver Spring"),
    ("My allergy is ragweed.", "ragweed"),
    ("My major is applied physics.", "applied physics"),
    ("My job is cleaning up offices.", "cleaning up offices"),
    ("I live in Oslo but today it rains.", "Oslo"),
    ("I am a team leader.", "team leader"),
    ("I'm a professional cyclist.", "professional cyclist"),
    ("My book is called The Girl with a Pearl Earring.", "Girl with a Pearl Earring"),
    ("My name is Jon without an h.", "Jon"),
    ("Let's play chess. I live in Oslo.", "Oslo"),
    ("Please improve my CV. I live in Oslo.", "Oslo"),
    ("Imagine Dragons is my favourite band. I live in Oslo.", "Oslo"),
    # The key is what is said to the person.
    ("I work in my father's mine.", "father's mine"),
    ("I collect World War I medals of my grandfather.", "World War I medals of your grandfather"),
    ("My favourite film is My Girl.", "Girl"),
    ("I am afraid of losing my job.", "losing your job"),
    ("My hobby is riding my bike.", "riding your bike"),
    ("I love my family.", "family"),
    ("I have the following allergies: nuts. My dog is called Rex.", "Rex"),
    # Corrections.
    ("Actually, my dog is called Rex, not Max.", "Rex"),
    ("My dog is not called Max, my dog is called Rex.", "Rex"),
    ("My dog is called Rex and he might bite.", "Rex"),
]
SAYING_NOTHING = [
    "",
    "Is my dog called Rex?",
    "Do you know that I live in Oslo?",
    "what is my dog called",
    "If I lived in Oslo and my dog was called Rex",
    "If I move, my dog is called Rex",
    "I wish I lived in Oslo",
    "I might move to Oslo",
    "Imagine I live in Oslo and my dog is called Rex",
    "Perhaps I live in Oslo",
    "When I am sad, I drink tea",
    "I think my dog is called Rex",
    "My dog is called Rex, I think",
    "I work as a nurse if I must",
    "I don't live in Oslo",
    "I no longer live in Oslo",
    "I used to live in Oslo",
    "My dog is not called Rex",
    "My dog isn\u2019t called Rex",
    "I never drink tea",
    "You live in Oslo",
    "Your dog is called Rex",
    "I like the way you write",
    '"I live in Oslo," said Tom.',
    "Tom said: \u201cI live in Oslo. My dog is called Rex.\u201d",
    "Tom told me that my dog is called Rex",
    "My brother says I live in Oslo",
    "> I live in Oslo",
    "Translate: my dog is called Rex",
    "```\nI live in Oslo\n```",
    "I need help with my code",
    "I like it",
    "I live here",
    "I am a vegetarian",
    "I'm Ana",
    "I am Ana",
    "I have two children",
    "I have a daughter",
    "I have six hens",
    "I keep my promises",
    "I keep forgetting",
    "I keep an eye on the hens",
    "I keep losing my hens",
    "My wedding day is over",
    "My day is 24 hours",
    "My dog is a retriever",
    "My job is hard",
    "The dog is called Rex",
    "My dog is called Dog",
    "My dog's name is weird",
    "Call me later.",
    "Call me a taxi.",
    "Call me Friday.",
    "Ich wohne in Oslo und mein Hund heisst Rex",
    # When and how, where a thing or a place should be.
    "I work at night.",
    "I'm working at the moment.",
    "I work in the evenings.",
    "I live on my own.",
    "I bake every Sunday.",
    "I drive fast.",
    "I study hard.",
    "I speak slowly.",
    "I eat once a day.",
    "I drink because I am sad.",
    "I'm working on Saturday.",
    "I was born in the eighties.",
    "My birthday is in 3 days.",
    # What one is like.
    "I'm a perfectionist.",
    "I'm a runner.",
    "I'm a really good cook.",
    "I'm an all-rounder.",
    "I'm a (retired) nurse.",
    "My son is a most gifted pianist.",
    "I am a hard worker.",
    "I'm a terrible cook.",
    "My daughter is a toddler.",
    # What is said of a name or a job, and is none.
    "I am named after my grandfather.",
    "My dog is named after a film character.",
    "My name is spelled with a K.",
    "My name is on the list.",
    "My job is killing me.",
    "My job is a nightmare.",
    "My job is a lot of fun.",
    "My wedding day is mayhem.",
    "My email is hacked.",
    # Some of them, and not all.
    "I hate people who lie.",
    "I hate films where the dog dies.",
    "I drive my kids to school.",
    "I teach my kids to swim.",
    # Over, or of today alone.
    "I've lived in five countries.",
    "I've worked as a waiter.",
    "I'm working at the library today.",
    "We are four: my parents, my sister and I.",
    # Of others, and of whom one plays.
    "In my dream, I live in Paris.",
    "Let's role-play. I live in Camelot.",
    "Summarise this chat:\nAnna: I live in Oslo\nBob: My dog is called Rex",
    "Anna: I live in Oslo\nBob: My dog is called Rex",
    "User: I live in Oslo\nUser: My dog is called Rex",
    "Hi, translate this to French.\nI live in Lyon.",
    "Translate:\nI live in Lyon.",
    "I want you to act as a pirate. My name is Jack.",
    "Translate the following to French.\nMy name is Pierre. I live in Lyon.",
    "for i in my_list: print(i)",
]


def only(text: str) -> Statement:
    (found,) = statements(text)
    return found


def keys(text: str) -> list[str]:
    return [statement.key for statement in statements(text)]


@pytest.mark.parametrize(("text", "key"), FACTS + VARIED)
def test_a_statement_is_read_with_its_key(text: str, key: str) -> None:
    assert keys(text) == [key]


@pytest.mark.parametrize("text", SAYING_NOTHING)
def test_what_states_nothing_of_the_speaker_gives_nothing(text: str) -> None:
    assert keys(text) == []


def test_every_clause_of_a_long_turn_is_read_in_order() -> None:
    turn = "Hi! I live in Oslo and my sister is called Ida. Nice, is it not? My cat is called Tom, and I'm 34.\nBye."
    assert keys(turn) == ["Oslo", "Ida", "Tom", "34"]


def test_the_text_is_what_was_said_without_its_lead_in() -> None:
    assert only("By the way, I'm allergic to walnuts, sadly!").text == "I'm allergic to walnuts, sadly"


def test_headings_are_no_speakers() -> None:
    assert keys("Facts:\nI live in Oslo.\nPets:\nMy dog is called Rex.") == ["Oslo", "Rex"]
    assert keys("Home: I live in Oslo.\nPets: My dog is called Rex.") == ["Oslo", "Rex"]


def test_control_characters_and_foreign_spaces_do_no_harm() -> None:
    assert keys("\x00My dog\u00a0is\x1bcalled Rex.\x07") == ["Rex"]


def test_a_sentence_over_three_hundred_characters_is_passed_over() -> None:
    assert keys(f"My dog is called Rex {'and ' * 80}. I live in Oslo.") == ["Oslo"]
    assert sentences(f"I saw {'my dog ' * 50}.") == []


def test_a_turn_of_a_megabyte_is_read() -> None:
    assert keys("my " * 350_000) == []
    assert keys("\"'a " * 250_000) == []
    assert keys("The cat sat on the mat. " * 20_000 + "I live in Oslo.") == ["Oslo"]


def test_a_name_is_asked_for_in_plain_english() -> None:
    found = only("My dog is called Pepperjack.")
    assert found.questions == (
        "What is my dog called?",
        "What is my dog's name?",
        "What is the name of my dog?",
        "Which name does my dog have?",
        "Which name did I give my dog?",
        "My dog's name is what?",
        "What do people call my dog?",
        "By which name is my dog known?",
        "What was my dog named?",
        "What did I tell you my dog is called?",
        "What was my dog's name again?",
        "Which name was chosen for my dog?",
        "Say my dog's name.",
        "My dog's name, please?",
        "Do you know what my dog is called?",
        "Can you tell me what my dog's name is?",
        "Do you remember which name my dog has?",
        "Tell me what people call my dog.",
        "I forgot which name my dog answers to, can you help?",
        "Could you remind me what my dog was named?",
        "I would like to know what I said my dog is called.",
        "Let me hear which name was chosen for my dog.",
        "Any idea what my dog is called?",
        "Remember what my dog's name is?",
        "Quick question: do you know which name my dog has?",
        "Hey, do you happen to recall what people call my dog?",
        "I was wondering which name my dog answers to.",
        "It slipped my mind what my dog was named, so please help me out.",
        "Off the top of your head, can you say what I said my dog is called?",
        "Just say which name was chosen for my dog.",
        "Would you mind telling me what my dog is called?",
        "Would you be so kind as to say what my dog's name is?",
        "Do you remember the name of my dog?",
        "My dog's name?",
        "Can you remind me of the name my dog answers to?",
        "Tell me the name that was chosen for my dog.",
        "I forgot the name people call my dog by, can you help?",
        "Once more, the name of my dog, please.",
        "Please say my dog's name.",
        "Give me the name my dog answers to.",
        "Help me recall the name that was chosen for my dog.",
        "What do you have down as the name people call my dog by?",
        "Quick question: the name of my dog?",
        "Would you kindly tell me my dog's name?",
        "The name my dog answers to: what did I say?",
        "Hey, do you still know the name that was chosen for my dog?",
        "I have lost track of the name people call my dog by, so please fill me in.",
        "What did I mention as the name of my dog?",
    )
    assert found.answers == (
        "Your dog is called Pepperjack.",
        "Your dog's name is Pepperjack.",
        "I remember that your dog is called Pepperjack.",
    )


def test_a_brothers_home_is_asked_for_in_plain_english() -> None:
    assert only("My brother lives in Lisbon").questions == (
        "Where does my brother live?",
        "Where is my brother's home?",
        "Which place does my brother call home?",
        "My brother lives where?",
        "Where does my brother reside?",
        "Where does my brother have a home?",
        "What is my brother's place of residence?",
        "Where has my brother settled?",
        "Whereabouts is my brother living?",
        "What did I tell you about where my brother lives?",
        "Where is it that my brother lives?",
        "Where is my brother based?",
        "In what place does my brother dwell?",
        "Name the place where my brother lives.",
        "In which city does my brother live?",
        "In what town is my brother's home?",
        "What city does my brother live in?",
        "What is the name of the city where my brother lives?",
        "In which city is my brother resident?",
        "Can you name the city where my brother resides?",
        "Which city is my brother based in?",
        "Do you know where my brother lives?",
        "Can you tell me where my brother's home is?",
        "Do you remember which place my brother calls home?",
        "Tell me where my brother resides.",
        "I forgot where my brother is based, can you help?",
        "Could you remind me where my brother has settled?",
        "I would like to know what my brother's place of residence is.",
        "Let me hear where I said my brother lives.",
        "Any idea where my brother lives?",
        "Remember where my brother's home is?",
        "Quick question: do you know which place my brother calls home?",
        "Hey, do you happen to recall where my brother resides?",
        "I was wondering where my brother is based.",
        "It slipped my mind where my brother has settled, so please help me out.",
        "Off the top of your head, can you say what my brother's place of residence is?",
        "Just say where I said my brother lives.",
        "Would you mind telling me where my brother lives?",
        "Would you be so kind as to say where my brother's home is?",
        "Do you remember my brother's place of residence?",
        "The place where my brother lives?",
        "Can you remind me of the place that my brother calls home?",
        "Tell me the place where my brother's home is.",
        "I forgot my brother's current place of residence, can you help?",
        "Once more, my brother's place of residence, please.",
        "Please say the place where my brother lives.",
        "Give me the place that my brother calls home.",
        "Help me recall the place where my brother's home is.",
        "What do you have down as my brother's current place of residence?",
        "Quick question: my brother's place of residence?",
        "Would you kindly tell me the place where my brother lives?",
        "The place that my brother calls home: what did I say?",
        "Hey, do you still know the place where my brother's home is?",
        "I have lost track of my brother's current place of residence, so please fill me in.",
        "What did I mention as my brother's place of residence?",
    )


def test_a_trade_is_asked_for_in_plain_english() -> None:
    found = only("I'm a lighthouse keeper")
    assert found.questions == (
        "What do I do for a living?",
        "What is my job?",
        "What is my profession?",
        "What do I work as?",
        "Which job do I have?",
        "How do I earn a living?",
        "What line of work am I in?",
        "What am I by trade?",
        "What kind of work do I do?",
        "What's my occupation?",
        "What job am I employed in?",
        "What did I tell you about what I do for a living?",
        "In what profession do I make a career?",
        "State my occupation.",
        "Do you know what I do for a living?",
        "Can you tell me what my job is?",
        "Do you remember what I work as?",
        "Tell me how I earn a living.",
        "I forgot what line of work I am in, can you help?",
        "Could you remind me what I am by trade?",
        "I would like to know what kind of work I do.",
        "Let me hear what job I am employed in.",
        "Any idea what I do for a living?",
        "Remember what my job is?",
        "Quick question: do you know what I work as?",
        "Hey, do you happen to recall how I earn a living?",
        "I was wondering what line of work I am in.",
        "It slipped my mind what I am by trade, so please help me out.",
        "Off the top of your head, can you say what kind of work I do?",
        "Just say what job I am employed in.",
        "Would you mind telling me what I do for a living?",
        "Would you be so kind as to say what my job is?",
        "Do you remember my profession?",
        "My occupation?",
        "Can you remind me of my line of work?",
        "Tell me the job that I have.",
        "I forgot the work that I do for a living, can you help?",
        "Once more, my trade, please.",
        "Please say my profession.",
        "Give me my occupation.",
        "Help me recall my line of work.",
        "What do you have down as the job that I have?",
        "Quick question: the work that I do for a living?",
        "Would you kindly tell me my trade?",
        "My profession: what did I say?",
        "Hey, do you still know my occupation?",
        "I have lost track of my line of work, so please fill me in.",
        "What did I mention as the job that I have?",
    )
    assert found.answers == (
        "You are a lighthouse keeper.",
        "By profession you are a lighthouse keeper.",
        "I remember that you are a lighthouse keeper.",
    )


def test_a_favourite_is_asked_for_in_plain_english() -> None:
    found = only("My favourite flowers are tulips")
    assert found.questions == (
        "What are my favourite flowers?",
        "Which flowers do I like best?",
        "What flowers do I like most?",
        "Which flowers do I prefer to all others?",
        "My favourite flowers are what?",
        "Which flowers do I love above all others?",
        "What flowers am I most fond of?",
        "Which flowers do I enjoy the most?",
        "What flowers would I choose first?",
        "Which flowers did I call my favourite flowers?",
        "What flowers do I rate highest?",
        "Which flowers are number one for me?",
        "What did I tell you my favourite flowers are?",
        "Name my favourite flowers.",
        "Do you know what my favourite flowers are?",
        "Can you tell me which flowers I like best?",
        "Do you remember which flowers I prefer to all others?",
        "Tell me which flowers I enjoy the most.",
        "I forgot what flowers I am most fond of, can you help?",
        "Could you remind me what flowers I would choose first?",
        "I would like to know which flowers I love above all others.",
        "Let me hear which flowers I called my favourite flowers.",
        "Any idea what my favourite flowers are?",
        "Remember which flowers I like best?",
        "Quick question: do you know which flowers I prefer to all others?",
        "Hey, do you happen to recall which flowers I enjoy the most?",
        "I was wondering what flowers I am most fond of.",
        "It slipped my mind what flowers I would choose first, so please help me out.",
        "Off the top of your head, can you say which flowers I love above all others?",
        "Just say which flowers I called my favourite flowers.",
        "Would you mind telling me what my favourite flowers are?",
        "Would you be so kind as to say which flowers I like best?",
        "Do you remember my favourite flowers?",
        "The flowers that I like best?",
        "Can you remind me of the flowers that I love most?",
        "Tell me the flowers that I would choose first.",
        "I forgot my number one flowers, can you help?",
        "Once more, the flowers dearest to me, please.",
        "Please say my favourite flowers.",
        "Give me the flowers that I like best.",
        "Help me recall the flowers that I love most.",
        "What do you have down as the flowers that I would choose first?",
        "Quick question: my number one flowers?",
        "Would you kindly tell me the flowers dearest to me?",
        "My favourite flowers: what did I say?",
        "Hey, do you still know the flowers that I like best?",
        "I have lost track of the flowers that I love most, so please fill me in.",
        "What did I mention as the flowers that I would choose first?",
    )
    assert found.answers[1] == "The flowers that you like best are tulips."


def test_an_instrument_is_asked_for_only_where_the_value_is_one() -> None:
    assert "Which instrument do I play?" in only("I play the bassoon").questions
    assert not any("instrument" in question for question in only("I play chess").questions)


def test_neighbours_ask_about_others_and_differ_from_statement_to_statement() -> None:
    boss = only("My boss is called Zelda").neighbours
    assert not any("my boss" in question for question in boss)
    assert boss != only("My boss is called Ottoline").neighbours
    assert boss == only("My boss is called Zelda").neighbours
    teal = only("My favorite color is teal").neighbours
    assert not any("my favourite colour" in question for question in teal)


def test_neighbours_ask_the_same_of_figures_that_all_the_world_knows() -> None:
    assert any("Mozart" in question for question in only("I live in Tromso").neighbours)
    assert any("Napoleon's dog" in question for question in only("My dog is called Rex").neighbours)
    assert any("the king's parents" in question for question in only("My parents live in Rome").neighbours)


def test_every_kind_of_neighbour_is_asked_about_in_the_plainest_words_most_and_in_others() -> None:
    asked = only("I live in Tromso").neighbours
    for kind in ([each for each in asked if " my " in each], [each for each in asked if " my " not in each]):
        times = Counter(
            re.split(r" (?:the king|Mozart|my|a|Napoleon|the mayor|Cleopatra|Shakespeare)\b", each)[0] for each in kind
        )
        plainest, *others = times.most_common()
        assert plainest[0] == "Where does" and plainest[1] > len(kind) / 2
        assert {words for words, _ in others} == {"Where is", "Which place does"}


def test_a_mistake_says_what_was_said_of_somebody_else() -> None:
    found = only("I live in Tromso")
    beside = dict(zip(found.neighbours, found.mistakes))
    for question, mistake in beside.items():
        (who,) = re.findall(r"(?:does|is|place does) (.+?)(?:'s home| live| call home)", question)
        whom = who.replace("my ", "your ")
        said = f"{whom} lives in Tromso.", f"{whom}'s home is in Tromso."
        assert mistake in [each[0].upper() + each[1:] for each in said]
    assert {"lives in", "home is in"} == {re.findall(r"lives in|home is in", each)[0] for each in found.mistakes}


def test_sentences_keeps_what_states_something_of_the_speaker_in_any_pattern() -> None:
    turn = (
        "Hi! By the way, last year I climbed Ben Nevis. Did I? The sky is blue. I wish I had a dog. I can't swim."
        " Tell me a joke. Well, my roof leaks."
    )
    assert sentences(turn) == ["last year I climbed Ben Nevis", "my roof leaks"]
    # What a pattern knows is asked of no model.
    assert sentences("I live in Oslo. I quit smoking in 2019.") == ["I quit smoking in 2019"]


@pytest.mark.parametrize(
    ("mine", "yours"),
    [
        ("my sister", "your sister"),
        ("My sister and I", "Your sister and you"),
        ("I was late, I'm sorry", "you were late, you are sorry"),
        ("the army met me in Miami", "the army met you in Miami"),
    ],
)
def test_words_of_the_speaker_are_turned_to_the_second_person(mine: str, yours: str) -> None:
    assert second_person(mine) == yours


# What the patterns cut off, too: what is left may be one word.
VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["Rex", "a red Saab", "the sea", "I", "my", "{s}", "\\1", "six", "really good cook", "(retired) nurse"]
    ),
    st.sampled_from(
        ["most", "an all-rounder", "at the moment", "every day", "with a hat", "who lies", "today", "my own"]
    ),
)
OPENINGS = st.sampled_from(
    [
        *(text.rstrip(".") + " " for text, _ in FACTS + VARIED),
        *(
            "My dog is called ",
            "I live in ",
            "I'm a ",
            "My favourite film is ",
            "I love ",
            "My shoe size is ",
            "I was born ",
        ),
        *("My ", "I am ", "and my ", "If ", '"', "'", "```", "I have a "),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(st.one_of(OPENINGS, VALUES), max_size=6).map("".join)))
def test_any_text_gives_sound_statements_and_never_an_exception(text: str) -> None:
    sentences(text)
    for found in statements(text):
        word = re.compile(rf"(?<!\w){re.escape(found.key)}(?!\w)", re.IGNORECASE)
        assert found.key.strip()
        assert len(found.answers) == 3 and all(found.key in answer for answer in found.answers)
        assert 12 <= len(found.questions) <= 112
        assert len(set(found.questions)) == len(found.questions)
        assert all(question.endswith(("?", ".")) for question in found.questions)
        assert not any(word.search(question) for question in found.questions)
        assert 5 <= len(found.neighbours) == len(found.mistakes) <= 24
        assert all(found.key in mistake for mistake in found.mistakes)
        assert not any(found.key in question for question in found.neighbours)
        assert not set(found.neighbours) & set(found.questions)


@pytest.mark.parametrize(
    ("phrase", "first"),
    [
        ("my mother", "my mum"),
        ("my best friend's dad", "my best friend's father"),
        ("My Mum", "My mother"),
        ("favourite film", "favourite movie"),
        ("my pen pal", "my pen friend"),
        ("my gp", "my family doctor"),
        ("my old flat", "my old apartment"),
        ("my real estate agent", "my estate agent"),
        ("favourite time of year", "favourite season"),
    ],
)
def test_what_means_the_same_takes_the_place_of_the_noun(phrase: str, first: str) -> None:
    others = in_other_words(phrase)
    assert others[0] == first
    assert phrase.lower() not in map(str.lower, others) and len(others) <= 3


def test_every_word_of_a_group_has_the_others_and_is_in_one_group_only() -> None:
    words = [word for group in map(vocabulary.each, synonyms._GROUPS) for word in group]
    assert len(words) == len(set(map(str.lower, words))) > 300
    for group in map(vocabulary.each, synonyms._GROUPS):
        assert 2 <= len(group) <= 4
        for word in group:
            assert {word, *(other.removeprefix("my ") for other in in_other_words(f"my {word}"))} == set(group)


@pytest.mark.parametrize(
    "phrase",
    [
        *("my thimble", "", "I", "my", "my mother Ada", "my daughter faith", "my sister candy", "my business partner"),
        *("my work address", "my birth weight", "favourite football season"),
    ],
)
def test_a_noun_that_has_no_other_word_or_is_part_of_something_else_stays(phrase: str) -> None:
    assert in_other_words(phrase) == []


def test_what_is_said_in_one_word_is_asked_for_in_another_and_answered_in_the_first() -> None:
    (mother,) = statements("My mother is called Ada.")
    assert {"What is my mother called?", "What is my mum called?", "What is my mom's name?"} <= set(mother.questions)
    assert all("mother" in answer for answer in mother.answers[:1])
    own = [question for question in mother.questions if "mother" in question]
    assert len(own) > len(mother.questions) / 2
    (film,) = statements("My favourite film is Solaris.")
    assert "Which movie do I like best?" in film.questions
    (surname,) = statements("My surname is Quill.")
    assert "What is my last name?" in surname.questions


def test_a_question_in_another_word_for_the_same_is_no_neighbour() -> None:
    (grandma,) = statements("My grandma is called Ada.")
    assert not [each for each in grandma.neighbours if "my grandmother" in each]
    (film,) = statements("My favourite movie is Solaris.")
    assert not [each for each in film.neighbours if "favourite film" in each or "Which film" in each]
    (birthday,) = statements("My grandma's birthday is on the third of May.")
    assert not [each for each in birthday.neighbours if "my grandmother" in each]
    assert "When is my grandmother's birthday?" in birthday.questions


@pytest.mark.parametrize(
    ("one", "other"),
    [("granny", "grandma"), ("mate", "friend"), ("boss", "supervisor"), ("GP", "doctor"), ("phone", "laptop")],
)
def test_two_that_one_person_may_have_are_not_taken_for_one_another(one: str, other: str) -> None:
    questions = {question for name in (one, other) for question in only(f"My {name} is called Ada.").questions}
    assert len(questions) == sum(len(only(f"My {name} is called Ada.").questions) for name in (one, other))


def test_a_full_stop_without_a_space_ends_a_sentence_where_somebody_speaks_of_themselves() -> None:
    found = [each.key for each in statements("I live in Ljubljana.My favourite food is borscht!I play the bassoon.")]
    assert found == ["Ljubljana", "borscht", "bassoon"]


def test_who_is_a_person_in_one_word_is_one_in_another() -> None:
    assert "What is my auntie's name?" in only("My auntie is called Ada.").questions
