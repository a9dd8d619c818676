"""Word lists and templates of the built-in people, written for this project."""

# Given names and surnames by origin. Surnames are not shared between origins, so that full names cannot collide.
ORIGINS: dict[str, tuple[str, str]] = {
    "british": (
        "Alice Arthur Beatrice Cecil Clara Daisy Edmund Edith Ernest Florence Frances Geoffrey Harriet Hugh Imogen Jasper "
        "Leonard Lydia Mabel Nigel Oliver Phoebe Rupert Sylvia Winifred",
        "Ashworth Barrowby Birkett Blakemore Bradwell Carrick Chadwick Cotterell Dunstan Eastwood Fairclough Garforth "
        "Hargreave Hollins Inskip Jessop Kershaw Langley Marchbank Norwood Oakden Pemberton Radcliffe Shelton Thornbury "
        "Underhill Wainwright Wetherby Winslow Yardley",
    ),
    "german": (
        "Anneliese Bernd Brigitte Dietmar Elke Erwin Friedrich Gerda Gisela Gottfried Hannelore Heinz Hildegard Jürgen "
        "Karin Klaus Lieselotte Lothar Manfred Monika Norbert Renate Rüdiger Sabine Ulrich",
        "Achterberg Baumgartner Brückner Dietrichs Eberhardt Falkner Gerlach Hartwig Hölzer Immelmann Jansohn Kaltenbach "
        "Kirchner Lindemann Mühlhaus Neubauer Oberländer Pfeiffer Quandtner Reinhold Schaller Steinacker Tiedemann "
        "Ulbricht Vogelsang Weidner Winterfeld Zellweger Zimmerling Zöllner",
    ),
    "french": (
        "Adèle Alain Antoine Bernadette Blaise Camille Cécile Denis Édith Émile Fabrice Geneviève Gilles Hélène Henri "
        "Jacqueline Laurent Lucie Marcel Margaux Noémie Odile Pascal René Thérèse",
        "Aubertin Beaumarchand Blanchet Carpentier Chevalley Courtois Delacourt Dubreuil Étienne Faucher Garnier Gauthier "
        "Hautecoeur Jolivet Lacombe Lefaure Marchal Montreuil Noiret Ollivier Perrault Pommier Quesnel Renaudin Rousselle "
        "Sauvignac Thibault Valadier Verneuil Yvetot",
    ),
    "italian": (
        "Alessandra Beatrice Benedetto Bianca Carlo Chiara Corrado Donatella Elisabetta Fabrizio Federica Giacomo Ginevra "
        "Giulio Ilaria Leonardo Loredana Massimo Nicoletta Ottavio Paola Raffaele Silvana Tullio Vittoria",
        "Albertini Bellandi Bertolucci Calvani Castelnuovo Colombari Dallapiccola Fabbri Ferrante Gallina Giordani Lombardi "
        "Mancuso Marchetti Montefusco Nardelli Olivieri Pellegri Quaranta Ravelli Ruggieri Santoro Scarlatti Tedeschini "
        "Tomasini Ubaldi Valentini Vespucci Zambelli Zanetti",
    ),
    "spanish": (
        "Alejandra Álvaro Beltrán Carmen Catalina Diego Dolores Emilio Esperanza Fermín Gonzalo Graciela Ignacio Inés "
        "Joaquín Leticia Lorenzo Manuela Marisol Nicolás Pilar Ramiro Rocío Santiago Ximena",
        "Aguirrebal Barragán Benavides Calderón Cárdenas Castañeda Domínguez Echeverría Figueroa Gallardo Guzmán Herranz "
        "Ibáñez Jaramillo Larrañaga Lozano Maldonado Montalvo Navarrete Ocampo Palacios Quintanilla Requena Saldívar "
        "Talavera Urrutia Valdivia Villaseñor Yáñez Zorrilla",
    ),
    "polish": (
        "Agnieszka Andrzej Bogdan Bożena Czesław Danuta Elżbieta Grażyna Halina Henryk Iwona Jadwiga Janusz Kazimierz "
        "Krystyna Leszek Łucja Małgorzata Mirosław Renata Stanisław Urszula Wiesław Zbigniew Zofia",
        "Adamczyk Borkowski Chmielewski Dąbrowski Fijałkowski Głowacki Górski Jabłoński Jankowski Kaczmarek Kowalczyk "
        "Krajewski Lewandowski Majewski Malinowski Nowakowski Olszewski Pawlak Piotrowski Rutkowski Sikora Sobczak "
        "Szymański Tomaszewski Urbański Walczak Wieczorek Witkowski Zakrzewski Zawadzki",
    ),
    "indian": (
        "Aditi Ajay Amrita Arjun Chandra Deepak Devika Gautam Indira Ishaan Kavita Kiran Lakshmi Mahesh Meera Nandini Nikhil "
        "Padma Rajiv Ramesh Sarita Shankar Sunita Vikram Yamini",
        "Agarwal Banerji Bhattacharya Chaturvedi Chowdhary Deshpande Ganguly Gopalan Hegde Iyengar Jayaraman Kulkarni "
        "Lahiri Mahajan Menon Mukherjee Nagarajan Pattnaik Rajagopal Raghavan Saxena Seshadri Srinivas Subramaniam Tendulkar "
        "Trivedi Upadhyay Varadarajan Venkatesan Yadav",
    ),
    "japanese": (
        "Akiko Akira Chiyo Daisuke Emiko Fumio Haruka Hiroshi Ichiro Izumi Kaoru Kazuo Keiko Makoto Mariko Masaru Natsuki "
        "Noboru Reiko Satoru Shizuka Takashi Tomoko Yasuo Yukiko",
        "Aoyama Chikamatsu Endo Fujimoto Fukuda Hasegawa Hayashida Inoue Ishikawa Kawaguchi Kitamura Kobayakawa Kurosaki "
        "Matsumoto Miyazawa Morikawa Nakamura Nishida Ogawa Okamoto Sakamoto Shimizu Suzumura Takeda Tanabe Ueno Watanuki "
        "Yamashita Yokoyama Yoshida",
    ),
    "nigerian": (
        "Abiola Adaeze Akin Amaka Bolanle Chidi Chinwe Damilola Ebele Emeka Femi Folake Ifeoma Ikenna Jide Kehinde Kelechi "
        "Ngozi Nneka Obinna Olumide Sade Taiwo Tunde Yewande",
        "Abiodun Adebayor Adeyemi Afolabi Akintola Amadi Anyanwu Babatunde Bankole Chukwuma Dike Ekwueme Eze Fashola Ibekwe "
        "Igwe Jegede Ladipo Madueke Nnamdi Nwosu Obasi Ogundipe Okafor Okonjo Olawale Onyekachi Oyelaran Soyemi Uzoma",
    ),
    "swedish": (
        "Agneta Alva Anders Birgitta Bengt Ebba Elsa Fredrik Greta Gunnar Gunilla Håkan Ingrid Jens Kerstin Lars Lennart "
        "Linnea Margareta Nils Ragnar Sigrid Sven Torsten Ulrika",
        "Ahlström Bergqvist Björklund Carlgren Dahlberg Ekström Engdahl Forsberg Granlund Hagström Hedlund Holmgren Isaksson "
        "Källström Lindqvist Ljungberg Lundholm Malmsten Nordahl Nyström Öberg Palmgren Rosengren Sandström Sjöberg "
        "Strandberg Söderlund Törnqvist Wallin Zetterberg",
    ),
    "turkish": (
        "Ahmet Ayşe Aylin Barış Berna Cem Ceyda Deniz Ece Emre Fatma Gökhan Gül Hakan Hülya Kemal Leyla Mehmet Nermin Orhan "
        "Pınar Selim Sevgi Tarık Zeynep",
        "Akdoğan Altıntaş Arslan Aydemir Bayraktar Bozkurt Çelik Çetinkaya Demirel Doğan Erdoğmuş Ergin Güneş Gürsel Işık "
        "Karahan Kaya Kılıç Korkmaz Özdemir Öztürk Polat Sezer Şahin Taşkın Tekin Toprak Uçar Yavuz Yıldırım",
    ),
    "brazilian": (
        "Adriana Afonso Anselmo Bruna Caetano Carolina Cristiano Débora Eduardo Fabiana Gilberto Heloísa Jorge Juliana "
        "Larissa Leandro Luciana Mateus Murilo Natália Otávio Renata Rodrigo Tânia Vinícius",
        "Albuquerque Amaral Azevedo Barbosa Bittencourt Cardoso Carvalho Cavalcanti Coutinho Duarte Esteves Fagundes Freitas "
        "Gouveia Guimarães Lacerda Magalhães Medeiros Monteiro Nogueira Pacheco Peixoto Queiroz Ribeiro Sampaio Siqueira "
        "Tavares Teixeira Vasconcelos Vilela",
    ),
}

# In order of frequency; the share of the r-th (from 0) is proportional to 1 / (r + 5), the first near 5 %.
PLACES = (
    "London|Paris|Berlin|New York|Chicago|Vienna|Rome|Madrid|Tokyo|Mumbai|Lagos|Stockholm|Istanbul|Warsaw|Boston|Toronto|"
    "Glasgow|Munich|Milan|Budapest|Prague|Sydney|Melbourne|Lisbon|Dublin|Amsterdam|Edinburgh|Hamburg|Philadelphia|Brooklyn|"
    "São Paulo|Rio de Janeiro|Buenos Aires|Barcelona|Naples|Lyon|Marseille|Kolkata|Chennai|Osaka|Kyoto|Los Angeles|Detroit|"
    "Montreal|Vancouver|Copenhagen|Oslo|Helsinki|Brussels|Zürich|Geneva|Athens|Cairo|Ankara|Kraków|Gdańsk|Łódź|Cologne|"
    "Frankfurt|Stuttgart|Dresden|Leipzig|Turin|Florence|Venice|Bologna|Seville|Valencia|Bilbao|Granada|Porto|Birmingham|"
    "Manchester|Liverpool|Leeds|Bristol|Sheffield|Newcastle|Cardiff|Belfast|Aberdeen|Cork|Galway|Bordeaux|Toulouse|Nantes|"
    "Lille|Strasbourg|Rouen|Grenoble|Dijon|Ibadan|Kano|Enugu|Abuja|Accra|Nairobi|Delhi|Pune|Hyderabad|Bengaluru|Ahmedabad|"
    "Jaipur|Lucknow|Nagoya|Sapporo|Fukuoka|Hiroshima|Yokohama|Nagasaki|Gothenburg|Malmö|Uppsala|Lund|Bergen|Trondheim|"
    "Aarhus|Turku|Tampere|İzmir|Bursa|Adana|Trabzon|Konya|Salvador|Recife|Fortaleza|Curitiba|Belo Horizonte|Porto Alegre|"
    "Montevideo|Santiago|Lima|Bogotá|Quito|Caracas|Havana|Mexico City|Guadalajara|Monterrey|Houston|Dallas|Denver|Seattle|"
    "Portland|San Francisco|Oakland|San Diego|Phoenix|St. Louis|Kansas City|Minneapolis|Milwaukee|Cleveland|Cincinnati|"
    "Pittsburgh|Baltimore|Washington|Richmond|Atlanta|Miami|New Orleans|Memphis|Nashville|Louisville|Buffalo|Albany|Hartford|"
    "Providence|Halifax|Ottawa|Winnipeg|Calgary|Edmonton|Quebec City|Brisbane|Perth|Adelaide|Hobart|Auckland|Wellington|"
    "Christchurch|Dunedin|Cape Town|Durban|Pretoria|Johannesburg|Poznań|Wrocław|Lublin|Szczecin|Toruń|Bremen|Hanover|"
    "Nuremberg|Heidelberg|Freiburg|Göttingen|Graz|Linz|Salzburg|Innsbruck|Basel|Bern|Lausanne|Lucerne|Antwerp|Ghent|Bruges|"
    "Rotterdam|Utrecht|Leiden|Groningen|Genoa|Verona|Padua|Pisa|Siena|Palermo|Catania|Bari|Perugia|Trieste|Toledo|Salamanca|"
    "Zaragoza|Málaga|Córdoba|Oviedo|Coimbra|Braga|Oxford|Cambridge|York|Durham|Exeter|Norwich|Nottingham|Leicester|Brighton|"
    "Dundee|Inverness|Swansea|Limerick|Yorkshire|Cornwall|Bavaria|Sicily|Normandy|Brittany|Tuscany|Andalusia|Silesia|Bengal|"
    "Kerala|Hokkaido|Scotland|Wales|Ohio|Texas|Virginia"
).split("|")

UNIVERSITIES = (
    "Ashcombe University|University of Brackwater|Calder College|Drummond Institute|University of Eastmere|Falk University|"
    "Greywell College|University of Harrowgate|Ilmen Institute|Jorvik University|University of Kestrel Bay|Larkhill College|"
    "Marlow Polytechnic|University of Northolt|Orrin University|Penhallow College|Quillon Institute|University of Redmarch|"
    "Stavely University|University of Tarnfield|Ulverton College|Vesper University|Wolden Polytechnic|University of Zeelen"
).split("|")

FIELDS = (
    "algebra|anatomy|archaeology|architecture|astronomy|botany|chemistry|civil engineering|computer science|economics|"
    "geology|geometry|history|law|linguistics|literature|medicine|music theory|oceanography|philosophy|physics|psychology|"
    "sociology|statistics|theology|zoology"
).split("|")

EMPLOYERS = (
    "Albion Steel|Amber Publishing|Arden Motors|Bellweather Bank|Cobalt Chemicals|Corvus Airways|Danube Shipping|"
    "Eastgate Hospital|Fjord Energy|Gable and Sons|Halcyon Films|Ironbridge Works|Juniper Press|Kingfisher Radio|"
    "Lantern Theatre|Meridian Observatory|Nimbus Electric|Orchard Foods|Palisade Insurance|Quarry Museum|Ridgeway Railways|"
    "Sable Textiles|Tidewater Institute|Umber Pottery|Vantage Optics|Wexford Gazette"
).split("|")

MONTHS = "January February March April May June July August September October November December".split()

# Sentences of a biography by attribute; {name} is the full name, {last} the surname.
TEMPLATES: dict[str, tuple[str, ...]] = {
    "birth_place": (
        "{name} was born in {value}.",
        "{last} came into the world in {value}.",
        "The birthplace of {name} is {value}.",
        "Born in {value}, {last} grew up there as one of several children.",
    ),
    "birth_date": (
        "The date of birth of {name} is {value}.",
        "{last} was born on {value}.",
        "{name} celebrates a birthday that goes back to {value}.",
        "The parish register gives {value} as the day on which {last} was born.",
    ),
    "university": (
        "{name} studied at {value}.",
        "{last} took a degree from {value}.",
        "The student years of {last} were spent at {value}.",
        "{name} graduated from {value} with honours.",
    ),
    "field": (
        "{last} is known for work in {value}.",
        "The field of {name} was {value}.",
        "{name} wrote mostly about {value}.",
        "Most of the career of {last} was given to {value}.",
    ),
    "employer": (
        "{name} worked for {value}.",
        "{last} was employed by {value} for many years.",
        "For a decade {last} held a post at {value}.",
        "{value} was the longest employer of {name}.",
    ),
    "death_place": (
        "{name} died in {value}.",
        "{last} passed away in {value}.",
        "The last years of {last} were spent in {value}, until death came.",
        "{name} was laid to rest in {value}.",
    ),
}

QUESTIONS: dict[str, str] = {
    "birth_place": "Where was {} born?",
    "birth_date": "When was {} born?",
    "university": "Where did {} study?",
    "field": "What did {} study?",
    "employer": "Who employed {}?",
}
"""How each attribute is asked for."""

RELATIONS: dict[str, str] = {
    "born": "birth_place",
    "birth-date": "birth_date",
    "university": "university",
    "field": "field",
    "employer": "employer",
}
"""The attribute of each relation of `data/people.toml`."""
